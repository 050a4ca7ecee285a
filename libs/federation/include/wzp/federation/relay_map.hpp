#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <variant>
#include <vector>

#include "wzp/base/fingerprint.hpp"
#include "wzp/base/time.hpp"
#include "wzp/federation/gossip.hpp"
#include "wzp/proto/route_signals.hpp"

namespace wzp::federation {

/// Which relays there are and how they are connected, from what each says about itself (`RelayState`).
///
/// Every relay states the delegates that it has a link to; two are *connected* when both name each other. Whether our
/// own links are up we know better than any statement. Only relays that announced `routes` are told to this core.
///
/// - Ours is said anew when it changes, at most every 100 ms, and every 30 s. To every neighbour, delegate or not.
/// - A newer one is kept and passed on to the delegates but the one it came from and those that are connected with its
///   origin. When a delegate loses a connection, it is sent what we have from the relay it lost: that relay may have
///   said it over the dead link, and we may have spared the delegate.
/// - A neighbour that comes up is sent everything, ours first; a neighbour that is no delegate only ours.
/// - Who says something older than we hold gets what we hold: its origin has to hear of it. The same once more counts
///   as
///   new when it comes later than a refresh.
/// - Ours coming back newer than what we have said is from a former life: we take the next epoch and say ours anew.
///   From a relay that is no delegate, whom we do not tell what we had from its former life, any stamp counts on its
///   own link instead, as long as no delegate speaks for it.
/// - Equal stamps with different content (two lives): the greater content counts, so that all agree until the origin
///   hears of it.
///
/// Bounds: 256 relays; when full, a neighbour takes the place of the stranger that would be forgotten first, and a
/// stranger that of one that came from whoever has brought the most (`Shares`), or is refused. 64 neighbours: of more
/// delegates the first 64 in the order of fingerprints are named.
/// Statements are forgotten after 90 s; a link that goes down counts at once.
class RelayMap {
 public:
  /// Sources: docs/protocol.md, the map of the relays; coalescing: our choice.
  struct Config {
    RelayFingerprint own{};
    Duration refresh = std::chrono::seconds{30};
    Duration expiry = std::chrono::seconds{90};
    Duration coalesce = std::chrono::milliseconds{100};
    std::size_t max_relays = 256;
    std::size_t max_neighbours = 64;
  };

  explicit RelayMap(const Config& config) : config_{config} {}

  /// `delegate`: the operator lets this relay speak for others. A second `link_up` counts as a new link.
  [[nodiscard]] GossipActions link_up(const RelayFingerprint& relay, bool delegate, Instant now);
  [[nodiscard]] GossipActions link_down(const RelayFingerprint& relay, Instant now);
  [[nodiscard]] GossipActions handle(const RelayFingerprint& from, const proto::RelayState& state, Instant now);
  [[nodiscard]] GossipActions tick(Instant now);
  [[nodiscard]] std::optional<Instant> deadline() const;

  /// There is a way: connections all along, or a link of our own that is up. True for ourselves.
  [[nodiscard]] bool reachable(const RelayFingerprint& relay) const { return distance(relay).has_value(); }
  /// The neighbour on a shortest way, the smallest of several. A neighbour is its own. Empty for ourselves.
  [[nodiscard]] std::optional<RelayFingerprint> next_hop(const RelayFingerprint& to) const;
  /// Links to it; 0 for ourselves.
  [[nodiscard]] std::optional<unsigned> distance(const RelayFingerprint& to) const;
  [[nodiscard]] bool connected(const RelayFingerprint& a, const RelayFingerprint& b) const;
  [[nodiscard]] std::set<RelayFingerprint> connected_with(const RelayFingerprint& relay) const;
  /// Every relay that can be reached, without ourselves.
  [[nodiscard]] std::vector<RelayFingerprint> relays() const;
  /// Who is connected with us over allowed relays, ourselves included; empty when we are not allowed.
  [[nodiscard]] std::set<RelayFingerprint> component(const std::set<RelayFingerprint>& allowed) const;

  /// Our neighbours in the tree that joins `members` over connections between `passers` and members: shortest ways from
  /// the smallest member that can be reached so (of several ways the one by the smallest relay), without branches that
  /// lead to no member. Relays with the same map find the same tree. Empty when we are not on it.
  [[nodiscard]] std::vector<RelayFingerprint> tree_neighbours(const std::set<RelayFingerprint>& passers,
                                                              const std::set<RelayFingerprint>& members) const;
  /// Members with a link to us that this tree cannot reach, because one side does not let the other speak for others.
  /// They get what our own members say, and what they send is for our own members only. Empty when we are no passer.
  [[nodiscard]] std::vector<RelayFingerprint> apart_neighbours(const std::set<RelayFingerprint>& passers,
                                                               const std::set<RelayFingerprint>& members) const;

 private:
  using Relays = std::vector<RelayFingerprint>;  ///< sorted
  struct Statement {
    Stamp stamp{};
    std::uint8_t hops = 0;
    Relays neighbours{};
    bool passed = false;  ///< from a delegate, so others are told it; what a relay tells only us stays here
    Instant expires{};
    RelayFingerprint brought_by{};  ///< the neighbour
  };
  struct Way {
    unsigned distance = 0;
    RelayFingerprint first{};
  };

  [[nodiscard]] std::variant<Statement, Dropped> read(const RelayFingerprint& from, const proto::RelayState& state,
                                                      const RelayFingerprint& origin) const;
  void hear_own(const Statement& statement, Instant now, GossipActions& out);
  void hear(const RelayFingerprint& from, const RelayFingerprint& origin, Statement statement, GossipActions& out);
  [[nodiscard]] bool make_room(const RelayFingerprint& origin, const RelayFingerprint& from);
  void forget(const RelayFingerprint& origin, GossipActions& out);
  void say_if_due(Instant now, GossipActions& out);
  void settle(const RelayFingerprint& relay, GossipActions& out);
  void close(GossipActions& out);
  void relist(GossipActions& out);
  [[nodiscard]] bool must_say() const { return stale_ || listed_ != said_; }
  [[nodiscard]] bool names(const RelayFingerprint& who, const RelayFingerprint& whom) const;
  void send(const RelayFingerprint& to, const RelayFingerprint& origin, GossipActions& out) const;
  [[nodiscard]] proto::RelayState ours() const;
  [[nodiscard]] const std::map<RelayFingerprint, Way>& ways() const;

  Config config_;
  std::map<RelayFingerprint, bool> up_;  ///< neighbours, and whether each is a delegate
  std::map<RelayFingerprint, Statement> known_;
  std::map<RelayFingerprint, std::set<RelayFingerprint>> edges_;  ///< both directions
  Stamp stamp_;                                                   ///< of what we said last
  Relays said_;
  Relays listed_;      ///< the delegates that are up, as they are to be said
  bool stale_ = true;  ///< ours has to be said anew whatever it says
  std::optional<Instant> last_said_;
  bool changed_ = false;                                         ///< within one verb
  mutable std::optional<std::map<RelayFingerprint, Way>> ways_;  ///< found when first asked for after a change
};

}  // namespace wzp::federation
