#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "wzp/base/bytes.hpp"
#include "wzp/base/time.hpp"
#include "wzp/ws/server_config.hpp"

namespace wzp::ws {

/// What waits to be written on one connection. Texts are never lost and leave first, in order; binaries are worth
/// something only while they are fresh, so a new one takes the place of the oldest.
class Outbox {
 public:
  struct Message {
    bool is_text = false;
    Bytes bytes{};
  };

  explicit Outbox(const ServerConfig& config) : config_{config} {}

  /// False when it is full: as many as may wait do, or the bytes are too many and this is not the only one.
  [[nodiscard]] bool add_text(ByteView text);
  /// How many were dropped for it: 0 or 1.
  std::size_t add_binary(ByteView prefix, ByteView payload, Instant now);
  /// The next one to write, and how many binaries had grown too old.
  [[nodiscard]] std::optional<Message> next(Instant now, std::uint64_t& dropped);
  void drop_binaries() { binaries_.clear(); }
  void clear();
  [[nodiscard]] bool has_text() const noexcept { return !texts_.empty(); }

 private:
  struct Binary {
    Instant since;
    Bytes bytes;
  };

  const ServerConfig& config_;
  std::deque<Bytes> texts_;
  std::size_t text_bytes_ = 0;
  std::deque<Binary> binaries_;
};

}  // namespace wzp::ws
