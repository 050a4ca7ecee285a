#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_set>
#include <variant>
#include <vector>

#include "wzp/base/bytes.hpp"
#include "wzp/base/fingerprint.hpp"
#include "wzp/base/time.hpp"
#include "wzp/federation/gossip.hpp"
#include "wzp/federation/relay_map.hpp"
#include "wzp/proto/route_signals.hpp"

namespace wzp::federation {

/// Who is registered at which relay, blinded (`UserState`, `UserDigest`, `UserRequest`; relay.md 22.3).
///
/// An entry is the first 8 bytes of HMAC-SHA256(salt of the origin, the 16 bytes of the fingerprint): who knows a
/// fingerprint can look for
/// it, the lists can be neither read nor compared. The salt holds for the life of this object, whatever its epoch
/// becomes.
///
/// What a relay has goes through versions. A change makes a *delta* from the version before, at most one per 100 ms.
/// A *snapshot*, in parts, is one version whole. A *digest* says what there is, every 30 s and where a neighbour may
/// have missed something; who has something else sends a `UserRequest` to the neighbour that said it and gets a
/// snapshot: at most one request per origin and second, and three in a row without an answer.
/// - A neighbour that comes up gets our snapshot when that is one part, else our digest; a delegate gets digests of all
///   others, and of what it was itself before.
/// - Deltas are passed on as statements are (`RelayMap`). A snapshot is not: who took over one says its digest.
///   A digest that says nothing new is passed on once per round of refreshes.
///   A relay that comes nearer, or can be reached again, has its digest passed on at once.
/// - Nothing goes further than 3 links, counted by the map where it knows them: words may come the long way.
/// - The second request goes to the next relay on the way to the origin: who said the digest may be too far by now.
/// - (epoch, version) of ours that are ahead of us, or equal with another digest or salt, are of a former life: we take
///   the next epoch. An origin that could not be reached keeps its entries, unused, and when it can be, any life of it
///   counts until its next word along the way there; so does any that a relay which is no delegate tells of itself.
/// - Forgotten 90 s after the last word, or 90 s after its origin could no longer be reached.
///
/// Bounds: 64 origins, 100 000 entries each, 400 000 in all, snapshots in the making included. A newcomer takes the
/// place of origins that are further away, or of some, not neighbours, that came from whoever has brought the most
/// (`Shares`); else it is refused, and not asked for again for 30 s. More own users than 100 000 are not announced: they
/// are found by asking around.
class UserDirectory {
 public:
  /// Sources: relay.md 22.3, docs/protocol.md; the rest our choice.
  struct Config {
    RelayFingerprint own{};
    ByteArray<16> salt{};  ///< from the operating system, new for every object
    Duration delta_interval = std::chrono::milliseconds{100};
    Duration refresh = std::chrono::seconds{30};
    Duration expiry = std::chrono::seconds{90};
    Duration request_interval = std::chrono::seconds{1};
    std::size_t max_origins = 64;
    std::size_t max_entries = 100'000;  ///< of one origin
    std::size_t max_total = 400'000;    ///< without our own
  };
  static constexpr std::uint8_t kMaxDistance = 3;
  /// Entries in one message: 128 KiB of text.
  static constexpr std::size_t kMaxPart = 8192;
  /// A snapshot whose next part does not come for so long is given up. Source: our choice.
  static constexpr Duration kPartPatience = std::chrono::seconds{5};

  explicit UserDirectory(const Config& config) : config_{config} {}

  /// Somebody is here from now on, and wants this to be known.
  [[nodiscard]] GossipActions announce(const Fingerprint& person, Instant now);
  /// Not here any more, or does not want it to be known.
  [[nodiscard]] GossipActions withdraw(const Fingerprint& person, Instant now);
  /// Tell the map first. A second `link_up` counts as a new link.
  [[nodiscard]] GossipActions link_up(const RelayFingerprint& relay, bool delegate, const RelayMap& map, Instant now);
  [[nodiscard]] GossipActions link_down(const RelayFingerprint& relay, const RelayMap& map, Instant now);
  /// After every `MapChanged`.
  [[nodiscard]] GossipActions map_changed(const RelayMap& map, Instant now);
  [[nodiscard]] GossipActions handle(const RelayFingerprint& from, const proto::UserState& state, Instant now);
  [[nodiscard]] GossipActions handle(const RelayFingerprint& from, const proto::UserDigest& digest, Instant now);
  [[nodiscard]] GossipActions handle(const RelayFingerprint& from, const proto::UserRequest& request, Instant now);
  [[nodiscard]] GossipActions tick(Instant now);
  [[nodiscard]] std::optional<Instant> deadline() const;

  /// Other relays that can be reached and have this person: the nearest first, then by fingerprint.
  [[nodiscard]] std::vector<RelayFingerprint> candidates(const Fingerprint& person, const RelayMap& map) const;

  /// Entries of others, snapshots in the making included.
  [[nodiscard]] std::size_t total() const;
  [[nodiscard]] std::size_t origins() const noexcept { return known_.size(); }

 private:
  using Entries = std::vector<std::uint64_t>;  ///< sorted
  struct Snapshot {
    RelayFingerprint from{};
    Stamp stamp{};
    std::string salt{};
    std::uint32_t parts = 0;
    std::uint32_t next = 0;
    Entries entries{};
    Instant heard{};  ///< of the last part
  };
  struct Origin {
    bool whole = false;   ///< false: nothing is held yet
    bool passed = false;  ///< from a delegate, so others are told it
    Stamp stamp{};        ///< epoch, version
    std::string salt{};
    ByteArray<16> key{};
    std::uint8_t hops = 0;  ///< links to it by the map; while that does not know, as many as the last word has crossed
    Entries entries{};
    std::uint64_t digest = 0;
    std::optional<Snapshot> coming{};
    Instant expires{};
    std::optional<Instant> cut_since{};  ///< cannot be reached
    bool doubtful = false;               ///< could not be reached, and nothing of this life was heard since
    std::optional<Instant> digest_passed{};
    std::optional<RelayFingerprint> ask{};  ///< who has what we miss
    Stamp wanted{};                         ///< what was missed
    std::optional<Stamp> known_to_all{};    ///< a delegate had it when we had not
    unsigned tries = 0;
    std::optional<Instant> asked{};
    std::optional<Instant> refused_until{};
    RelayFingerprint brought_by{};  ///< the neighbour that spoke of it first, or gave what is held
  };
  struct Heard {
    RelayFingerprint from{};
    RelayFingerprint origin{};
    Stamp stamp{};
    std::uint8_t hops = 0;
  };

  void change(const Fingerprint& person, bool add, Instant now, GossipActions& out);
  void say_if_due(Instant now, GossipActions& out);
  void say_delta(GossipActions& out);
  void hear_own(const Stamp& stamp, bool same_content, Instant now, GossipActions& out);
  [[nodiscard]] std::variant<Heard, Dropped> check(const RelayFingerprint& from, const std::string& origin, Stamp stamp,
                                                   std::uint8_t hops) const;
  [[nodiscard]] Origin* find_or_make(const Heard& heard, Instant now);
  [[nodiscard]] bool free_space(const Heard& heard, std::size_t more);
  /// Whose list makes room for `more` of `heard`; null: nobody's. `weight`: what one takes up.
  using Weight = std::size_t (*)(const Origin&);
  [[nodiscard]] const RelayFingerprint* gives_way(const Heard& heard, std::size_t more, Weight weight) const;
  void hear_delta(const Heard& heard, const proto::UserState& state, Entries add, Entries remove, Instant now,
                  GossipActions& out);
  void hear_part(const Heard& heard, const proto::UserState& state, Entries entries, Instant now, GossipActions& out);
  [[nodiscard]] std::uint8_t hops_to(const Heard& heard) const;
  void confirm(const Heard& heard, Origin& origin, Instant now, GossipActions& out) const;
  void take_over(const Heard& heard, Origin& origin, Instant now, GossipActions& out);
  [[nodiscard]] bool any_life_counts(const Heard& heard, const Origin& origin) const;
  [[nodiscard]] bool is_welcome(const Heard& heard, const Origin& origin, const std::string& salt) const;
  void refuse_for_a_while(Origin& origin, std::string why, Instant now, GossipActions& out) const;
  void ask(const Heard& heard, Origin& origin, Instant now, GossipActions& out) const;
  void ask_if_due(const RelayFingerprint& about, Origin& origin, Instant now, GossipActions& out) const;
  void review(const RelayMap& map, Instant now, GossipActions& out);
  [[nodiscard]] std::optional<Instant> end_of(const Origin& origin) const;
  void send_own(const RelayFingerprint& to, GossipActions& out) const;
  void send_snapshot(const RelayFingerprint& to, const RelayFingerprint& about, GossipActions& out) const;
  void send_digest(const RelayFingerprint& to, const RelayFingerprint& about, GossipActions& out) const;
  void pass_digest(const Heard& heard, Origin& origin, Instant now, GossipActions& out) const;
  void pass_delta(const Heard& heard, const Origin& origin, const proto::UserState& state, GossipActions& out) const;

  Config config_;
  Mesh mesh_;
  std::map<RelayFingerprint, Origin> known_;

  std::unordered_set<std::uint64_t> here_;  ///< as announced by us
  std::uint64_t digest_ = 0;
  Stamp stamp_;
  bool renew_ = false;                     ///< a new epoch has begun; say everything
  std::map<std::uint64_t, bool> changes_;  ///< since: added, or not
  std::optional<Instant> last_delta_;
  std::optional<Instant> last_digest_;
  /// Snapshots given, so that nobody can draw them without end. Forgotten with the link.
  std::map<RelayFingerprint, std::map<RelayFingerprint, Instant>> served_;
};

}  // namespace wzp::federation
