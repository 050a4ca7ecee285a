#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wzp/base/result.hpp"
#include "wzp/federation/dialler.hpp"
#include "wzp/federation/events.hpp"
#include "wzp/federation/link.hpp"

namespace wzp::federation {

/// A link as people and tests see it.
struct LinkInfo {
  ConnectionId conn{};
  std::optional<RelayFingerprint> relay{};  ///< empty: unverified
  std::string label{};
  bool dialled = false;
  bool capable = false;  ///< one of ours
  proto::Caps caps{};
  std::string build{};

  bool operator==(const LinkInfo&) const = default;
};

/// The links of this relay to others.
///
/// Trust is a certificate: `peers` are dialled and must present theirs, `peers` and `trusted` may dial us and must
/// present theirs. Neither an address nor a claim counts (V-01). With `allow_unauthenticated`, a dialler without any
/// certificate gets an *unverified* link: for global rooms, as reference relays share them. It carries no call signal in
/// either direction and never finds, replaces or closes a verified one; it has a key of its own (see `Link`).
///
/// One link per pair of capable relays: of two, the one that the smaller fingerprint dialled stays. Only the smaller
/// side closes the other one, since the dialler is the last to know that a link is up: when it knows, both do, and no
/// moment is without a link. A second link by the same dialler means that it lost the first: the acceptor closes that,
/// and says `LinkDown` before `LinkUp`, because the other side has forgotten what it knew.
/// Toward reference relays several links stay: received on all, sent on the newest, at most four.
///
/// A peer without a link is dialled: at once at first, then after 1 s doubling to 300 s, +-20 %; a link that was up for
/// 30 s starts this anew. A refusal (0x13) waits longest, a duplicate (0x11) is no failure.
///
/// At most 256 connections, 64 of them unverified; beyond, new inbound ones are closed with 0x16.
class FederationManager {
 public:
  /// Source: our choice.
  static constexpr std::size_t kMaxConnections = 256;
  static constexpr std::size_t kMaxUnverified = 64;
  static constexpr std::size_t kMaxLinksPerRelay = 4;
  /// What our hello announces. Source: crypto.md 10.
  static constexpr std::uint8_t kVersion = 1;

  struct Peer {
    RelayFingerprint fingerprint{};
    std::string label{};
    bool share_addrs_in_offer = false;
    bool delegate = false;  ///< see `is_delegate`
    std::string url{};      ///< tells apart two entries for one relay; otherwise the business of whoever dials
    bool retired = false;   ///< named no more; keeps its number

    bool operator==(const Peer&) const = default;
  };
  struct Trusted {
    RelayFingerprint fingerprint{};
    std::string label{};
    bool delegate = false;

    bool operator==(const Trusted&) const = default;
  };
  struct Config {
    RelayFingerprint own{};
    std::string build{};
    /// What our hello announces beside `call-nack`.
    proto::Caps more_caps{};
    std::vector<Peer> peers{};
    std::vector<Trusted> trusted{};
    bool allow_unauthenticated = false;
    Duration hello_timeout = std::chrono::seconds{5};
    std::uint64_t random_seed = 0;
  };

  explicit FederationManager(Config config);

  [[nodiscard]] Actions start(Instant now);
  [[nodiscard]] Actions handle(const Event& event, Instant now);
  [[nodiscard]] Actions tick(Instant now);
  [[nodiscard]] std::optional<Instant> deadline() const;

  /// The operator's lists have changed. Peers keep their numbers and new ones are appended, also for a peer that was
  /// named before under another address; peers without a link are dialled at once. The links of relays that are named no
  /// more, or with another `delegate`, are closed; the latter come back by themselves.
  [[nodiscard]] Actions reconfigure(std::vector<Peer> peers, std::vector<Trusted> trusted, Instant now);

  /// The fingerprint of this relay's own certificate.
  [[nodiscard]] const RelayFingerprint& local_tls_fp() const noexcept { return config_.own; }

  /// The envelope in which a client's signal travels; the origin is this relay.
  [[nodiscard]] proto::SignalMessage envelope(proto::SignalMessage inner) const;

  struct Broadcast {
    struct To {
      RelayFingerprint relay{};
      Send send{};
    };
    std::vector<To> sends{};
    /// How many relays get it.
    [[nodiscard]] std::size_t reach() const noexcept { return sends.size(); }
  };
  /// One copy for every relay with a verified link that is up. The caller sends them.
  [[nodiscard]] Broadcast broadcast_signal(const proto::SignalMessage& message) const;
  /// For one relay. Errors: NotFound, "no active federation link for <fingerprint>".
  [[nodiscard]] Result<Send> send_signal_to_peer(const RelayFingerprint& relay,
                                                 const proto::SignalMessage& message) const;

  /// A verified one.
  [[nodiscard]] bool has_link(const RelayFingerprint& relay) const;
  /// Whether the relay announced this capability on its newest link; false without a link.
  [[nodiscard]] bool has_cap(const RelayFingerprint& relay, std::string_view cap) const;
  /// Whether it is one of ours; false without a link.
  [[nodiscard]] bool is_capable(const RelayFingerprint& relay) const;
  /// The peer's `share_addrs_in_offer`.
  [[nodiscard]] bool shares_addrs(const RelayFingerprint& relay) const;
  /// Whether the operator lets this relay speak for relays behind it, and have its signals passed on to others.
  [[nodiscard]] bool is_delegate(const RelayFingerprint& relay) const;
  /// The peer with this number.
  [[nodiscard]] const Peer& peer(std::size_t number) const { return config_.peers.at(number); }
  /// How the operator calls this peer or trusted relay; empty for another one.
  [[nodiscard]] std::optional<std::string> label_of(const RelayFingerprint& relay) const;
  /// What people call this neighbour.
  [[nodiscard]] std::string name_of(const RelayFingerprint& neighbour) const;
  /// The connection on which this neighbour is sent to; empty without a link.
  [[nodiscard]] std::optional<ConnectionId> connection_of(const RelayFingerprint& neighbour) const;
  /// Every relay with a verified link that is up.
  [[nodiscard]] std::vector<RelayFingerprint> relays() const;
  /// The same and the keys of unverified links.
  [[nodiscard]] std::vector<RelayFingerprint> neighbours() const;
  /// Everything that is up, unverified links included, oldest first.
  [[nodiscard]] std::vector<LinkInfo> links() const;

 private:
  void on(const Opened& event, Instant now, Actions& out);
  void on(const Received& event, Instant now, Actions& out);
  void on(const Lost& event, Instant now, Actions& out);
  void on(const DialFailed& event, Instant now, Actions& out);
  [[nodiscard]] Result<Link::Setup> check_dialled(const Opened& event) const;
  [[nodiscard]] Result<Link::Setup> check_inbound(const Opened& event) const;
  /// Gives false when the link is gone afterwards.
  bool apply(Link& link, const Link::Outcome& outcome, Instant now, Actions& out);
  void announce_up(const Link& link, Actions& out);
  void settle_duplicates(ConnectionId conn, Instant now, Actions& out);
  void drop(ConnectionId conn, std::optional<std::uint64_t> code, Instant now, Actions& out);
  void close(ConnectionId conn, const Link::Refusal& refusal, Instant now, Actions& out);
  void deliver(const Link& link, const proto::SignalMessage& message, Actions& out);
  void deliver(const Link& link, const proto::FederatedSignalForward& forward, Actions& out);
  void deliver_if(const Link& link, std::string_view cap, const proto::SignalMessage& message, Actions& out);
  void run_diallers(Instant now, Actions& out);
  [[nodiscard]] proto::SignalMessage hello() const;
  [[nodiscard]] const Link* newest(const RelayFingerprint& relay) const;

  Config config_;
  std::map<ConnectionId, Link> connections_;  ///< in the handshake or up
  /// Links that are up, by key, in the order in which they came up.
  std::map<RelayFingerprint, std::vector<ConnectionId>> up_;
  std::map<ConnectionId, std::size_t> dialled_;  ///< which peer entry a connection was dialled for
  std::vector<Dialler> diallers_;                ///< one per peer entry
  std::optional<Instant> refusal_logged_;        ///< strangers get one line per second
};

}  // namespace wzp::federation
