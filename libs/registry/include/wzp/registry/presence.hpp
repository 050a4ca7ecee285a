#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "wzp/base/fingerprint.hpp"
#include "wzp/base/ids.hpp"
#include "wzp/base/result.hpp"
#include "wzp/base/time.hpp"
#include "wzp/proto/signal_types.hpp"

namespace wzp::registry {

/// One client that is registered on one connection. The connection is its generation: it is never used again.
struct Registration {
  ConnectionId conn{};
  Fingerprint who{};
  std::optional<std::string> alias{};
  proto::Caps caps{};
  bool is_signed = false;
  Instant since{};

  bool operator==(const Registration&) const = default;
};

/// Who can be reached here. A person may be registered several times; the newest registration is *current* and gets
/// the messages. When it ends, the newest one that remains becomes current again (design.md 3.19).
///
/// - The end of a connection removes that registration and nothing else (V-12).
/// - A signed registration proves the key; an unsigned one proves nothing. So a signed one puts every unsigned one of
///   the same person out, and an unsigned one is refused while a signed one lives (crypto.md 2).
/// - At most four registrations per person: a fifth puts the oldest out. At most `max_registrations` in all.
class Presence {
 public:
  /// Source: our choice; more than one or two are leftovers of lost connections.
  static constexpr std::size_t kMaxPerPerson = 4;

  explicit Presence(std::size_t max_registrations) : max_{max_registrations} {}

  struct Added {
    /// Was current until now; empty for a first registration. It stays registered unless it is in `put_out`.
    std::optional<Registration> demoted;
    /// No longer registered; their connections are to be closed.
    std::vector<Registration> put_out;
  };
  /// Registers and makes current. Errors: NotAllowed (unsigned, while a signed one lives), Exists (the connection is
  /// registered already), LimitReached.
  [[nodiscard]] Result<Added> add(Registration registration);

  struct Removed {
    Registration registration;
    bool was_current = false;
    /// Current from now on; empty when the person is gone, or when another one was and stays current.
    std::optional<Registration> promoted;
  };
  /// Ends the registration of this connection. Empty when it has none.
  std::optional<Removed> remove(ConnectionId conn);

  /// The registration that gets messages for this person; null when nobody is here.
  [[nodiscard]] const Registration* current(const Fingerprint& who) const;
  /// The registration of a connection, current or not.
  [[nodiscard]] const Registration* find(ConnectionId conn) const;
  [[nodiscard]] bool is_online(const Fingerprint& who) const { return current(who) != nullptr; }

  [[nodiscard]] std::size_t registrations() const noexcept { return by_conn_.size(); }
  [[nodiscard]] std::size_t people() const noexcept { return by_person_.size(); }
  /// The current registration of everybody, in no order.
  [[nodiscard]] std::vector<Registration> all_current() const;

 private:
  std::size_t max_;
  std::unordered_map<ConnectionId, Fingerprint> by_conn_;
  std::unordered_map<Fingerprint, std::vector<Registration>> by_person_;  ///< oldest first, never empty
};

}  // namespace wzp::registry
