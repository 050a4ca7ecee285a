#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <list>
#include <unordered_map>
#include <vector>

#include "wzp/base/bytes.hpp"
#include "wzp/base/time.hpp"
#include "wzp/proto/media_tag.hpp"

// Which packets of media between relays have been here before. Two ways to know, both bounded, both forgetting, neither
// allocating for a packet of a source that it knows.

namespace wzp::relay {

/// A window of 1024 sequence numbers for each sender that can be told apart. At `max_sources` the one unheard of for the
/// longest time is forgotten: a flood of invented sources lets old packets of others pass again, and mutes nobody.
class SourceWindows {
 public:
  struct Config {
    /// Source: our choice; 80 rooms of 50 speakers.
    std::size_t max_sources = 4096;
    /// Source: our choice; far longer than any packet is on its way.
    Duration forgotten_after = std::chrono::seconds{60};
    /// Peers choose the sources. Without it they could choose such that all share one place in the table.
    std::uint64_t seed = 0;
  };

  explicit SourceWindows(Config config) : config_{config}, index_{0, Hash{config.seed}} {}

  /// True when this sequence number of this source is new here. One more than 1023 behind the newest is not, unless it
  /// follows right behind another such: the sender has begun anew, as in RFC 3550 A.1, and so does its window.
  [[nodiscard]] bool insert(const proto::RoomTag& room, const proto::SourceId& source, std::uint16_t seq, Instant now);
  void forget(const proto::RoomTag& room);
  void expire(Instant now);
  [[nodiscard]] std::size_t size() const noexcept { return index_.size(); }

 private:
  static constexpr std::size_t kWidth = 1024;

  struct Key {
    proto::RoomTag room;
    proto::SourceId source;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    std::uint64_t seed;
    std::size_t operator()(const Key& key) const noexcept;
  };
  struct Entry {
    Key key;
    std::uint16_t newest;
    std::uint16_t restart;  ///< what would prove that the sender began anew
    bool may_restart;
    Instant heard;
    std::bitset<kWidth> seen;  ///< at seq % kWidth
  };
  using Order = std::list<Entry>;  ///< heard most recently first

  [[nodiscard]] static bool is_new(Entry& entry, std::uint16_t seq);

  Config config_;
  Order order_;
  std::unordered_map<Key, Order::iterator, Hash> index_;
};

/// Packets known by their content alone: 128 bits of a keyed hash over room and whole packet, in two generations, so each
/// is remembered for one to two generations. A generation that is full ends early. What a packet costs does not depend on
/// how many there are (V-28).
class SeenContents {
 public:
  struct Config {
    ByteArray<32> key{};  ///< random; without it peers could make packets collide
    /// Source: relay.md 10.6.
    Duration generation = std::chrono::seconds{1};
    std::size_t max_keys = 65'536;
  };

  explicit SeenContents(Config config) : config_{config} {}

  /// True when nothing like it was here; remembered in any case.
  bool insert(const proto::RoomTag& room, ByteView packet, Instant now);
  void expire(Instant now);
  [[nodiscard]] std::size_t size() const noexcept { return current_.used + previous_.used; }
  /// Places looked at so far, for tests: how the work grows.
  [[nodiscard]] std::uint64_t probes() const noexcept { return probes_; }

 private:
  using Key = std::array<std::uint64_t, 2>;  ///< never {0, 0}, which is an empty place
  struct Generation {
    std::vector<Key> places;  ///< a power of two, at most half of them taken
    std::size_t used = 0;
    void clear();
  };

  [[nodiscard]] std::size_t place_of(const Generation& generation, const Key& key);
  [[nodiscard]] bool has(const Generation& generation, const Key& key);
  void add(const Key& key);
  void grow();

  Config config_;
  Generation current_;
  Generation previous_;
  Instant began_ = Instant::min();
  std::uint64_t probes_ = 0;
};

}  // namespace wzp::relay
