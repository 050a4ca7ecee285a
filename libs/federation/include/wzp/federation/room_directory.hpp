#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "wzp/base/fingerprint.hpp"
#include "wzp/base/time.hpp"
#include "wzp/federation/gossip.hpp"
#include "wzp/proto/relay_signals.hpp"
#include "wzp/proto/route_signals.hpp"

namespace wzp::federation {

/// Who is in the global rooms, relay by relay (`RoomState`; relay.md 10.4).
///
/// Each relay states for each room that is configured there who is in it: on every change, at most every 250 ms per
/// room, and every 10 s, to every neighbour with `media-v2`. An empty list means that it wants the room. Statements are
/// kept and passed on as in `RelayMap`, but only for rooms that are configured here (V-74). Passing on, an empty label
/// becomes that of the neighbour it came from; others stay, so that they name the true relay (H-30).
///
/// An origin that can no longer be reached over relays with the room is not shown from that moment (V-40). What it
/// said is kept: the origin itself gets it when it comes back, so that it overtakes a former life.
/// - It is shown again when the map finds the origin within 500 ms of that moment or of the last word about it: the map
///   may lose sight of a relay for a moment while it changes, and a word may be ahead of the map. Later, and at the end
///   of a link of our own, only by a word, whatever its stamp: it may have restarted.
/// - While it cannot be reached, a word replaces what is held only when it is as new, because an older one may be an
///   echo; and nothing is passed on. What is shown again, or can be reached over others again after more than 500 ms,
///   is: relays behind us may have to wait for a word, too, and nobody else has one to say.
/// Forgotten after 30 s without a newer word.
///
/// Reference relays know nothing of this. Each is told, as plain `GlobalRoomActive`/`Inactive`, who else is in a room:
/// our members, what relays of ours have stated, and the own people of other reference relays; only when that list
/// changed, never what the relay has said itself. What it says holds until it says otherwise or the link is lost
/// (V-41).
/// A reference relay sends on what it hears, with labels and without origin. So of its lists
/// - people without a label are its own: they are part of *our* statement, with its label, and told to others. A chain
///   with us in the middle lists all of its people at all of its relays, and media for them comes to us.
/// - people with a label are behind it: shown here and told to nobody, because they may well be ours. So a circle
///   through reference relays keeps nobody alive (V-36); it is not shown further than one of our relays.
/// A list without own people replaces what was behind it only; any other replaces all.
///
/// Bounds: 64 rooms, 256 people per origin and room, texts of 128 bytes, 16,384 people that one neighbour brings in all;
/// beyond, statements are refused, own lists cut. 256 origins per room: when full, one that came from whoever has brought the
/// most gives way (`Shares`), or the newcomer is refused.
class RoomDirectory {
 public:
  /// Of one relay in one room, ourselves included.
  static constexpr std::size_t kMaxPeople = 256;

  /// Sources: relay.md 10.4; texts, grace: our choice.
  struct Config {
    RelayFingerprint own{};
    std::set<std::string> rooms{};  ///< canonical names, in folded case; the first 64 count
    Duration refresh = std::chrono::seconds{10};
    Duration expiry = std::chrono::seconds{30};
    Duration coalesce = std::chrono::milliseconds{250};
    Duration grace = std::chrono::milliseconds{500};
    std::size_t max_participants = kMaxPeople;
    std::size_t max_origins = 256;
    std::size_t max_brought = 16'384;  ///< people that one neighbour names, in all rooms
  };
  static constexpr std::size_t kMaxRooms = 64;
  static constexpr std::size_t kMaxText = 128;

  using People = std::vector<proto::RoomParticipant>;
  enum class Kind : std::uint8_t { MediaV2, Reference };
  struct Neighbour {
    Kind kind = Kind::MediaV2;
    bool delegate = false;  ///< reference relays never are
    std::string label{};    ///< what an empty label of its people becomes
  };
  /// What one relay has in a room. Participants carry a label.
  struct Remote {
    RelayFingerprint origin{};
    People participants{};
    std::optional<std::uint8_t> tier{};
    unsigned hops = 1;

    bool operator==(const Remote&) const = default;
  };

  explicit RoomDirectory(Config config);

  /// The operator's list has changed. Others learn at once that nobody is left in a room that went, and take us for a
  /// hub of it until they forget it; who is in one that came is heard with the next refresh.
  [[nodiscard]] GossipActions set_rooms(const std::set<std::string>& rooms, Instant now);
  /// Who is here: `source` filled, `relay_label` empty. A room that is not configured is ignored.
  [[nodiscard]] GossipActions set_local(const std::string& room, People participants, std::optional<std::uint8_t> tier,
                                        Instant now);
  /// Tell the map first. A second `link_up` counts as a new link.
  [[nodiscard]] GossipActions link_up(const RelayFingerprint& relay, Neighbour neighbour, const RelayMap& map,
                                      Instant now);
  [[nodiscard]] GossipActions link_down(const RelayFingerprint& relay, const RelayMap& map, Instant now);
  /// After every `MapChanged`.
  [[nodiscard]] GossipActions map_changed(const RelayMap& map, Instant now);
  [[nodiscard]] GossipActions handle(const RelayFingerprint& from, const proto::RoomState& state, const RelayMap& map,
                                     Instant now);
  [[nodiscard]] GossipActions handle(const RelayFingerprint& from, const proto::GlobalRoomActive& state, Instant now);
  [[nodiscard]] GossipActions handle(const RelayFingerprint& from, const proto::GlobalRoomInactive& state, Instant now);
  [[nodiscard]] GossipActions tick(Instant now);
  [[nodiscard]] std::optional<Instant> deadline() const;

  /// The configured room of this name or of its hashed spelling (H-31, V-72).
  [[nodiscard]] std::optional<std::string> canonical(std::string_view room) const;
  /// Who is elsewhere, as of the last map. Of people behind reference relays only those whom nobody else has, here
  /// included.
  [[nodiscard]] std::vector<Remote> remote(const std::string& room) const;
  /// `remote` in two figures: the worst tier, and how many people are named, those whom several relays name more than once.
  struct Summary {
    std::size_t people = 0;
    std::optional<std::uint8_t> tier{};
  };
  [[nodiscard]] Summary summary(const std::string& room) const;
  /// How many this neighbour names for itself, and a reference relay for those behind it.
  [[nodiscard]] std::size_t people_of(const std::string& room, const RelayFingerprint& neighbour) const;
  /// For `RelayMap::tree_neighbours`: relays that have the room, and those with members. Ourselves included; people of
  /// a reference relay are members of ours. Reference relays are not part of the tree.
  [[nodiscard]] std::set<RelayFingerprint> passers(const std::string& room) const;
  [[nodiscard]] std::set<RelayFingerprint> members(const std::string& room) const;

 private:
  struct Entry {
    Stamp stamp{};
    std::uint8_t hops = 0;
    People people{};
    std::optional<std::uint8_t> tier{};
    Instant expires{};
    bool passed = false;            ///< from a delegate, so others are told it
    bool joined = false;            ///< its origin is reached over relays that pass its words on
    Instant apart_at{};             ///< when not joined: since when
    bool shown = false;             ///< joined, or at the end of a link of our own
    Instant hidden_at{};            ///< when not shown: since when, or when last heard
    RelayFingerprint brought_by{};  ///< the neighbour
  };
  /// What a reference relay has said, and what it was told.
  struct Plain {
    People own{};
    People behind{};
    People told{};
  };
  struct Room {
    std::string hashed{};
    People local{};
    std::optional<std::uint8_t> tier{};
    Stamp stamp{};  ///< of what we said last
    People said{};
    std::optional<std::uint8_t> said_tier{};
    bool stale = true;
    std::optional<Instant> last_said{};
    std::map<RelayFingerprint, Entry> entries{};
    std::map<RelayFingerprint, Plain> plain{};
    bool check_plain = false;
    std::optional<Instant> last_told{};
  };
  using NamedRoom = std::pair<const std::string, Room>;

  [[nodiscard]] std::optional<Dropped> check(const RelayFingerprint& from, const RelayFingerprint& origin,
                                             const proto::RoomState& state) const;
  [[nodiscard]] bool fits(const People& people) const;
  /// Whose statement makes room for one that `from` brings; empty: nobody's.
  [[nodiscard]] std::optional<RelayFingerprint> gives_way(const Room& room, const RelayFingerprint& from) const;
  /// True when it was shown.
  bool make_room(Room& room, const RelayFingerprint& from);
  /// Keeps the counts of what each neighbour has brought.
  void note(const Entry& entry);
  void forget(const Entry& entry);
  void hear_own(NamedRoom& room, const Entry& entry, Instant now, GossipActions& out);
  void hear(NamedRoom& room, const RelayFingerprint& from, const RelayFingerprint& origin, Entry entry,
            const RelayMap& map, Instant now, GossipActions& out);
  void review(const RelayMap& map, Instant now, GossipActions& out);
  void review(NamedRoom& room, const RelayMap& map, Instant now, GossipActions& out);
  [[nodiscard]] bool join(Entry& entry, bool joined, Instant now) const;
  void show(const RelayFingerprint& origin, Entry& entry, Instant now) const;
  [[nodiscard]] std::set<RelayFingerprint> part(const Room& room, const RelayMap& map) const;
  void changed(NamedRoom& room, Instant now, GossipActions& out);
  void own_changed(NamedRoom& room, Instant now, GossipActions& out);
  void say_if_due(NamedRoom& room, Instant now, GossipActions& out);
  void tell_if_due(NamedRoom& room, Instant now, GossipActions& out);
  [[nodiscard]] People ours(const Room& room) const;
  [[nodiscard]] People merged_for(const Room& room, const RelayFingerprint& relay) const;
  [[nodiscard]] proto::RoomState statement(const NamedRoom& room) const;
  void send(const RelayFingerprint& to, const NamedRoom& room, const RelayFingerprint& origin, const Entry& entry,
            GossipActions& out) const;

  Config config_;
  std::map<std::string, Room> rooms_;
  std::map<RelayFingerprint, Neighbour> neighbours_;
  std::map<RelayFingerprint, std::size_t> brought_;  ///< people in statements, by the neighbour they came from
  Mesh mesh_;                                        ///< of those with `media-v2`
  std::uint64_t epoch_ = 0;                          ///< of all rooms
  std::uint64_t seq_ = 0;
};

}  // namespace wzp::federation
