#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "wzp/base/fingerprint.hpp"
#include "wzp/base/ids.hpp"
#include "wzp/base/time.hpp"
#include "wzp/proto/signal.hpp"

namespace wzp::federation {

/// Close codes that links use. Source: crypto.md 12.
inline constexpr std::uint64_t kCloseDuplicateLink = 0x11;
inline constexpr std::uint64_t kCloseNotTrusted = 0x13;
inline constexpr std::uint64_t kCloseTimeout = 0x15;
inline constexpr std::uint64_t kCloseLimit = 0x16;

/// Silence after which a dialled, pinned acceptor is taken for a reference relay. Source: relay.md 10.2.
inline constexpr Duration kReferenceSilence = std::chrono::seconds{2};
/// Reference relays sweep the presence of a link that is silent for 15 s. Source: relay.md 10.4, design.md 3.22.
inline constexpr Duration kReferencePingInterval = std::chrono::seconds{10};

/// One connection to another relay, from its handshake on: who it is, and whether it is up.
///
/// The identity is the certificate that TLS has verified; the hello only has to repeat it. The dialler greets first and
/// the acceptor answers with its own hello; both then know each other's capabilities. A reference acceptor never
/// answers: it is taken for one after 2 s of silence, or as soon as it says anything but a hello, and only because we
/// dialled it with its certificate pinned. A connection without a certificate is *unverified*: the hello is a bare
/// claim there, so it names the link for people and nothing else. Such a link is known by a key that is nobody's
/// fingerprint, and by another one each time.
class Link {
 public:
  struct Setup {
    ConnectionId conn{};
    bool dialled = false;
    /// Of the other side, as TLS verified it. Empty: unverified.
    std::optional<RelayFingerprint> certificate{};
    RelayFingerprint stand_in{};  ///< of an unverified one: its key
    std::string label{};
    Duration hello_timeout = std::chrono::seconds{5};
  };

  Link(Setup setup, Instant now);

  struct Refusal {
    std::uint64_t code = 0;
    std::string reason;

    bool operator==(const Refusal&) const = default;
  };
  /// What an event means for the link.
  struct Outcome {
    bool answer_hello = false;         ///< the acceptor's turn to greet
    bool came_up = false;              ///< up from now on
    bool became_capable = false;       ///< was taken for a reference relay, and is one of ours after all
    bool consumed = false;             ///< the message was part of the handshake; nothing else is to be done with it
    std::optional<Refusal> refused{};  ///< close it

    bool operator==(const Outcome&) const = default;
  };

  [[nodiscard]] Outcome hear(const proto::SignalMessage& message, Instant now);
  [[nodiscard]] Outcome tick(Instant now);
  /// End of the handshake's patience, or the next `Ping` of a reference link.
  [[nodiscard]] std::optional<Instant> deadline() const noexcept { return deadline_; }
  /// True once per interval on a reference link that is up: send a `Ping`.
  [[nodiscard]] bool take_ping(Instant now);

  [[nodiscard]] ConnectionId conn() const noexcept { return setup_.conn; }
  [[nodiscard]] bool dialled() const noexcept { return setup_.dialled; }
  [[nodiscard]] bool is_up() const noexcept { return up_since_.has_value(); }
  [[nodiscard]] std::optional<Instant> up_since() const noexcept { return up_since_; }
  /// Empty for an unverified link, whatever it claims.
  [[nodiscard]] const std::optional<RelayFingerprint>& relay() const noexcept { return setup_.certificate; }
  /// What stands for the other side here: its fingerprint, or of an unverified link a value that no certificate has.
  [[nodiscard]] const RelayFingerprint& key() const noexcept {
    return setup_.certificate ? *setup_.certificate : setup_.stand_in;
  }
  /// The other side is one of ours: it said so in its hello.
  [[nodiscard]] bool is_capable() const noexcept { return capable_; }
  [[nodiscard]] const proto::Caps& caps() const noexcept { return caps_; }
  [[nodiscard]] const std::string& label() const noexcept { return setup_.label; }
  [[nodiscard]] const std::string& build() const noexcept { return build_; }

 private:
  [[nodiscard]] Outcome hear_hello(const proto::FederationHello& hello, Instant now);
  void come_up(Instant now);

  Setup setup_;
  proto::Caps caps_;
  std::string build_;
  bool capable_ = false;
  bool greeted_ = false;
  std::optional<Instant> up_since_;
  std::optional<Instant> deadline_;
};

}  // namespace wzp::federation
