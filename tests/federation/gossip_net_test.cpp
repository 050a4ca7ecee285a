#include "gossip_net.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <cstdlib>
#include <optional>

using namespace std::chrono_literals;

// Many relays on a simulated network: what all of them must agree on once it is quiet.
//
// WZP_GOSSIP_SEEDS=n runs n seeds (default 400; the nightly preset 10,000), WZP_GOSSIP_SEED=n replays one.

namespace wzp::federation {
namespace {

using Names = std::set<std::uint8_t>;

Fingerprint some_user(std::uint64_t n) {
  Fingerprint fp;
  store_be64(fp.bytes.data(), n);
  return fp;
}

/// What is true, and the questions whose answers must agree with it.
struct World {
  explicit World(std::uint64_t seed) : net{pick_count(seed), {.seed = seed}} {
    auto& random = net.random();
    for (std::uint8_t name = 1; name <= net.count(); ++name) {
      if (!random.chance(0.2)) continue;
      net.set_rooms(name, {});  // does not have the room
      without_room.insert(name);
    }
    const auto kind = random.below(5);
    const auto n = net.count();
    for (std::uint8_t a = 1; a <= n; ++a) {
      for (std::uint8_t b = static_cast<std::uint8_t>(a + 1); b <= n; ++b) {
        const bool line = b == a + 1;
        const bool ring = line || (a == 1 && b == n);
        const bool wanted = kind == 0 ? line : kind == 1 ? ring : kind == 2 ? a == 1 : kind == 3 || random.chance(0.4);
        if (wanted) delegate[{a, b}] = !random.chance(0.1);
      }
    }
    for (const auto& [link, is_delegate] : delegate) net.up(link.first, link.second, is_delegate);
  }
  static std::uint8_t pick_count(std::uint64_t seed) { return static_cast<std::uint8_t>(2 + seed % 8); }

  void random_event() {
    auto& random = net.random();
    const auto name = static_cast<std::uint8_t>(1 + random.below(net.count()));
    switch (random.below(6)) {
      case 0:
      case 1: {
        if (delegate.empty()) return;
        auto link = *std::next(delegate.begin(), static_cast<std::ptrdiff_t>(random.below(delegate.size())));
        if (net.is_up(link.first.first, link.first.second)) return net.cut(link.first.first, link.first.second);
        return net.up(link.first.first, link.first.second, link.second);
      }
      case 2: {
        if (!random.chance(0.5)) return;
        net.restart(name);
        people[name].clear();
        for (auto& [user, home] : users) home = home == name ? 0 : home;
        for (const auto& [link, is_delegate] : delegate) {
          if (link.first == name || link.second == name) net.up(link.first, link.second, is_delegate);
        }
        return;
      }
      case 3: {
        auto& here = people[name];
        const auto person = "p" + std::to_string(name) + "-" + std::to_string(random.below(4));
        if (here.erase(person) == 0) here.insert(person);
        if (without_room.contains(name)) here.clear();
        return net.set_room(name, "lobby", {here.begin(), here.end()});
      }
      default: {
        const auto user = random.below(12);
        auto& home = users[user];
        if (home != 0) net.withdraw(home, some_user(user));
        home = random.chance(0.8) ? name : 0;
        if (home != 0) net.announce(home, some_user(user));
      }
    }
  }

  /// Links to every relay that can be reached, over delegates that do not stop what comes, or by a link of its own.
  std::map<std::uint8_t, unsigned> distances(std::uint8_t from, const Names& stops = {}) const {
    std::map<std::uint8_t, unsigned> out{{from, 0}};
    std::vector<std::uint8_t> ring{from};
    for (unsigned d = 1; !ring.empty(); ++d) {
      std::vector<std::uint8_t> next;
      for (const auto relay : ring) {
        for (const auto& [link, is_delegate] : net.links()) {
          if (!is_delegate || stops.contains(relay) || (link.first != relay && link.second != relay)) continue;
          const auto other = link.first == relay ? link.second : link.first;
          if (out.try_emplace(other, d).second) next.push_back(other);
        }
      }
      ring = std::move(next);
    }
    for (const auto& [link, is_delegate] : net.links()) {
      if (link.first == from) out[link.second] = 1;
      if (link.second == from) out[link.first] = 1;
    }
    return out;
  }

  void check_maps() {
    for (std::uint8_t me = 1; me <= net.count(); ++me) {
      const auto& map = net.node(me).map;
      const auto truth = distances(me);
      for (std::uint8_t other = 1; other <= net.count(); ++other) {
        INFO("relay " << int{me} << " about " << int{other});
        const auto found = truth.find(other);
        const auto expected = found == truth.end() ? std::nullopt : std::optional{found->second};
        REQUIRE(map.distance(some_relay(other)) == expected);
        REQUIRE(map.reachable(some_relay(other)) == expected.has_value());
        if (!expected) continue;
        for (std::uint8_t third = 1; third <= net.count(); ++third) {
          const auto link = net.links().find(GossipNet::ordered(other, third));
          if (!truth.contains(third) || *expected == 1) continue;  // beyond a link that is no delegate others count
          REQUIRE(map.connected(some_relay(other), some_relay(third)) == (link != net.links().end() && link->second));
        }
        if (other == me) continue;
        const auto hop = map.next_hop(some_relay(other));
        REQUIRE(hop);
        REQUIRE(net.is_up(me, GossipNet::name_of(*hop)));
        if (*hop == some_relay(other)) continue;
        REQUIRE(map.connected(*hop, some_relay(me)));
        REQUIRE(distances(GossipNet::name_of(*hop)).at(other) + 1 <= *expected);
      }
    }
  }

  void check_rooms() {
    for (std::uint8_t me = 1; me <= net.count(); ++me) {
      if (without_room.contains(me)) continue;
      std::map<std::uint8_t, std::set<std::string>> expected;
      for (const auto& [other, d] : distances(me, without_room)) {
        if (other != me && !without_room.contains(other)) expected[other] = people[other];
      }
      std::map<std::uint8_t, std::set<std::string>> found;
      for (const auto& remote : net.node(me).rooms.remote("lobby")) {
        auto& list = found[GossipNet::name_of(remote.origin)];
        for (const auto& person : remote.participants) {
          CHECK(list.insert(person.fingerprint).second);
          CHECK(person.relay_label == GossipNet::label(GossipNet::name_of(remote.origin)));  // [H-30]
        }
      }
      auto text = "links" + text_of_links();
      for (const auto& [other, list] : expected) {
        text += "; " + std::to_string(other) + " has " + std::to_string(list.size());
        text += found.contains(other) ? " told " + std::to_string(found[other].size()) : " untold";
      }
      for (const auto& [other, list] : found) {
        if (!expected.contains(other)) text += "; " + std::to_string(other) + " is told of and should not be";
      }
      INFO("at relay " << int{me} << ": " << text);
      REQUIRE(found == expected);
    }
  }

  void check_trees() {
    std::set<Names> trees;  // by the relays on them
    std::map<std::uint8_t, Names> chosen;
    for (std::uint8_t me = 1; me <= net.count(); ++me) {
      const auto& self = net.node(me);
      for (const auto& hop : self.map.tree_neighbours(self.rooms.passers("lobby"), self.rooms.members("lobby"))) {
        chosen[me].insert(GossipNet::name_of(hop));
      }
    }
    Names seen;
    for (std::uint8_t me = 1; me <= net.count(); ++me) {
      const bool member = !people[me].empty() && !without_room.contains(me);
      if (!member || seen.contains(me)) continue;
      // Everything in the part of `me` that the tree joins; a tree: one connection fewer than relays.
      Names part;
      std::vector<std::uint8_t> open{me};
      std::size_t ends = 0;
      while (!open.empty()) {
        const auto relay = open.back();
        open.pop_back();
        if (!part.insert(relay).second) continue;
        for (const auto next : chosen[relay]) {
          INFO(int{relay} << " chose " << int{next});
          REQUIRE(chosen[next].contains(relay));
          ++ends;
          open.push_back(next);
        }
      }
      REQUIRE(ends == 2 * (part.size() - 1));
      for (const auto& other : delegates_with_room(me)) {
        INFO("member " << int{other} << " for " << int{me});
        if (!people[other].empty()) REQUIRE(part.contains(other));
      }
      seen.insert(part.begin(), part.end());
    }
  }
  Names delegates_with_room(std::uint8_t from) const {
    Names out{from};
    for (bool more = true; more;) {
      more = false;
      for (const auto& [link, is_delegate] : net.links()) {
        const bool has_room = !without_room.contains(link.first) && !without_room.contains(link.second);
        if (!is_delegate || !has_room || out.contains(link.first) == out.contains(link.second)) continue;
        out.insert(link.first);
        out.insert(link.second);
        more = true;
      }
    }
    return out;
  }

  void check_users() {
    for (std::uint8_t me = 1; me <= net.count(); ++me) {
      const auto truth = distances(me);
      for (const auto& [user, home] : users) {
        const bool known = home != 0 && home != me && truth.contains(home) && truth.at(home) <= 3;
        const auto expected = known ? std::vector{some_relay(home)} : std::vector<RelayFingerprint>{};
        INFO("user " << user << " of " << int{home} << " at " << int{me});
        auto found = net.node(me).users.candidates(some_user(user), net.node(me).map);
        // What was near may still be known from further away.
        if (!known) std::erase(found, some_relay(home));
        std::string told;
        for (const auto& relay : found) told += " " + std::to_string(GossipNet::name_of(relay));
        INFO("found at" << told << "; links" << text_of_links());
        REQUIRE(found == expected);
      }
    }
  }

  std::string text_of_links() const {
    std::string out;
    for (const auto& [link, is_delegate] : net.links()) {
      out += " " + std::to_string(link.first) + (is_delegate ? "-" : "~") + std::to_string(link.second);
    }
    return out;
  }

  std::map<GossipNet::Pair, bool> delegate;
  Names without_room;
  GossipNet net;
  std::map<std::uint8_t, std::set<std::string>> people;
  std::map<std::uint64_t, std::uint8_t> users;
};

std::optional<std::uint64_t> number_from(const char* variable) {
  const char* text = std::getenv(variable);
  return text == nullptr ? std::nullopt : std::optional{std::strtoull(text, nullptr, 10)};
}

}  // namespace

TEST_CASE("relays agree on the map, on trees, on rooms and on users after any trouble",
          "[federation][sim][V-36][V-39][V-40][V-42][H-30]") {
  const auto one = number_from("WZP_GOSSIP_SEED");
  const auto last = one.value_or(number_from("WZP_GOSSIP_SEEDS").value_or(400));
  const auto seed = GENERATE_COPY(range(one.value_or(1), last + 1));
  INFO("seed " << seed);
  World world{seed};
  world.net.run_for(1s);
  for (int round = 0; round < 6; ++round) {
    INFO("round " << round);
    const auto events = world.net.random().below(12);
    for (std::size_t i = 0; i < events; ++i) {
      world.random_event();
      world.net.run_for(world.net.random().between(0ms, world.net.random().chance(0.1) ? 40s : 300ms));
    }
    world.net.run_for(100ms);  // until the last loss is noticed
    world.net.run_for(1s);
    world.check_maps();
    world.check_rooms();
    world.check_trees();
    world.net.run_for(3s);  // requests for the same list, from relay to relay, wait up to 1 s each
    world.check_users();
  }
}

TEST_CASE("a relay in the middle restarts, and a second after its last link is back all lists are whole",
          "[federation][sim][V-40]") {
  GossipNet net{6, {}};
  for (std::uint8_t name = 1; name < 6; ++name) net.up(name, static_cast<std::uint8_t>(name + 1));
  net.set_room(1, "lobby", {"ann"});
  net.announce(1, some_user(7));
  net.run_for(2s);
  net.restart(3);
  net.up(3, 4);
  net.run_for(3s);  // the other link is dialled later
  CHECK(net.node(6).rooms.remote("lobby").size() == 3);
  net.up(2, 3);
  net.run_for(1100ms);
  for (std::uint8_t name = 2; name <= 6; ++name) {
    INFO("at relay " << int{name});
    CHECK(net.node(name).rooms.remote("lobby").size() == 5);
    CHECK(net.node(name).rooms.members("lobby") == std::set{some_relay(1)});
    if (name > 4) continue;
    CHECK(net.node(name).users.candidates(some_user(7), net.node(name).map) == std::vector{some_relay(1)});
  }
}

}  // namespace wzp::federation
