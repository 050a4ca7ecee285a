#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "wzp/base/fingerprint.hpp"
#include "wzp/federation/events.hpp"
#include "wzp/proto/signal.hpp"

// What relays tell each other about themselves travels in one way, whatever it says (docs/protocol.md, the map of the
// relays): a *statement* has an origin, a stamp and the number of links it has crossed. A newer one replaces an older
// one and is passed on; nothing else is, so a statement crosses each link about once and no circle keeps it alive
// (V-36). Who speaks for others, and is told about others, is a *delegate*.

namespace wzp::federation {

class RelayMap;

/// For this relay, over its newest verified link.
struct SendTo {
  RelayFingerprint to{};
  proto::SignalMessage message{};

  bool operator==(const SendTo&) const = default;
};
/// Which relays can be reached, or how, has changed: `map_changed` of the other directories is due.
struct MapChanged {
  bool operator==(const MapChanged&) const = default;
};
/// What `RoomDirectory` says about this room may have changed. The name is canonical.
struct RoomChanged {
  std::string room{};

  bool operator==(const RoomChanged&) const = default;
};
using GossipAction = std::variant<SendTo, Dropped, MapChanged, RoomChanged>;
using GossipActions = std::vector<GossipAction>;

/// What is newer: the epoch first.
struct Stamp {
  std::uint64_t epoch = 0;
  std::uint64_t seq = 0;

  auto operator<=>(const Stamp&) const = default;
};

/// Furthest that an epoch may be ahead of what is known, so that nobody can bring it to its end in a few steps: epochs
/// count restarts. Source: our choice.
inline constexpr std::uint64_t kMaxEpochJump = std::uint64_t{1} << 48;
[[nodiscard]] constexpr bool is_epoch_jump(std::uint64_t known, std::uint64_t said) noexcept {
  return said > known && said - known > kMaxEpochJump;
}

/// The same statement over fewer links: kept, so that what is sent on from here does not end too early. Passed on again
/// only when it had come a long way, because it may have ended somewhere behind us.
[[nodiscard]] constexpr bool is_shorter(std::uint8_t known, std::uint8_t hops) noexcept {
  return hops < known && known > proto::kMaxHops / 2;
}

/// Only the canonical text of a fingerprint.
[[nodiscard]] std::optional<RelayFingerprint> canonical_relay(std::string_view text);

/// Why a statement may not come from this neighbour; empty when it may. A neighbour speaks for itself over one link,
/// for others only as a delegate and over two links or more.
[[nodiscard]] std::optional<Dropped> refuse(const RelayFingerprint& from, bool delegate, const RelayFingerprint& origin,
                                            std::uint8_t hops, std::uint8_t max_hops);

/// The neighbours of a directory, and what the map last said about them. A statement is not passed on to a neighbour
/// that is connected with its origin, because the origin tells it itself; when that connection is lost, somebody else
/// has to, and that is whoever spared the neighbour before.
class Mesh {
 public:
  /// Comes up, or is another kind of neighbour from now on.
  void link_up(const RelayFingerprint& relay, bool delegate);
  void link_down(const RelayFingerprint& relay) { neighbours_.erase(relay); }

  struct Lost {
    RelayFingerprint neighbour{};
    RelayFingerprint origin{};
  };
  /// Takes over what the map says. Gives the connections that delegates have lost: they may have been spared something.
  [[nodiscard]] std::vector<Lost> review(const RelayMap& map);

  [[nodiscard]] bool has(const RelayFingerprint& relay) const { return neighbours_.contains(relay); }
  [[nodiscard]] bool is_delegate(const RelayFingerprint& relay) const;
  /// Links to a relay that is a neighbour, or was on the map when that was last reviewed; else empty.
  [[nodiscard]] std::optional<unsigned> distance(const RelayFingerprint& relay) const;
  [[nodiscard]] bool reaches(const RelayFingerprint& relay) const { return distance(relay).has_value(); }
  /// The neighbour on the way to it, as `RelayMap::next_hop`.
  [[nodiscard]] std::optional<RelayFingerprint> next_hop(const RelayFingerprint& relay) const;
  /// Everyone, for what we say about ourselves.
  [[nodiscard]] std::vector<RelayFingerprint> all() const;
  /// The delegates that a newer statement of this origin is passed on to when it came from `from`. The origin itself is
  /// among them when it came another way: then it is about a former life of it, which it has to overtake.
  [[nodiscard]] std::vector<RelayFingerprint> targets(const RelayFingerprint& origin,
                                                      const RelayFingerprint& from) const;

 private:
  struct Neighbour {
    bool delegate = false;
    std::set<RelayFingerprint> connected{};
  };
  std::map<RelayFingerprint, Neighbour> neighbours_;
  struct Way {
    unsigned distance = 0;
    RelayFingerprint first{};
  };
  std::map<RelayFingerprint, Way> ways_;
};

}  // namespace wzp::federation
