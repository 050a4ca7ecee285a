#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "wzp/base/address.hpp"
#include "wzp/base/bytes.hpp"
#include "wzp/base/fingerprint.hpp"
#include "wzp/base/time.hpp"

namespace wzp::bench {

/// A child process whose cost can be read. Ended with the object.
class Child {
 public:
  explicit Child(pid_t pid) : pid_{pid} {}
  Child(Child&& other) noexcept : pid_{std::exchange(other.pid_, -1)} {}
  Child& operator=(Child&&) = delete;
  ~Child();

  /// Asks it to end and gives its exit code; negative when a signal ended it.
  [[nodiscard]] int stop();
  void signal(int number) const;

  /// Time on a processor so far, user and kernel, of all threads; from /proc.
  [[nodiscard]] Duration cpu_time() const;
  /// Resident memory in bytes, from /proc.
  [[nodiscard]] std::size_t resident_bytes() const;

 private:
  pid_t pid_;
};

/// A real wzp-relay on loopback with its limits lifted out of the way. Ends the program with a message when the
/// binary cannot be started.
class RelayProcess {
 public:
  struct Setup {
    int workers = 1;
    ByteArray<32> seed{};  ///< zeros: a random one
    std::string tables{};  ///< more of the configuration: peers, rooms
  };

  RelayProcess(const std::filesystem::path& binary, const Setup& setup);
  explicit RelayProcess(const std::filesystem::path& binary, int workers = 1) : RelayProcess{binary, Setup{.workers = workers}} {}
  ~RelayProcess();

  [[nodiscard]] const SocketAddress& address() const noexcept { return address_; }
  [[nodiscard]] const RelayFingerprint& fingerprint() const noexcept { return fingerprint_; }
  [[nodiscard]] const Child& child() const noexcept { return *child_; }
  /// Takes over other peers and rooms while it runs.
  void reload(const std::string& tables) const;
  /// Ends it; see `Child::stop`.
  [[nodiscard]] int stop() { return child_->stop(); }

 private:
  void configure(const std::string& tables) const;

  int workers_;
  std::filesystem::path folder_;
  SocketAddress address_;
  RelayFingerprint fingerprint_;
  std::optional<Child> child_;
};

/// A relay in the configuration of another: of `peers` with its address, of `trusted` without.
[[nodiscard]] std::string federation_entry(const char* table, const RelayFingerprint& who, const std::string& url = {});

}  // namespace wzp::bench
