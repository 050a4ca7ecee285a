#pragma once

#include <algorithm>
#include <cassert>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "relays.hpp"
#include "sim_clock.hpp"
#include "sim_random.hpp"
#include "wzp/base/overloaded.hpp"
#include "wzp/federation/relay_map.hpp"
#include "wzp/federation/room_directory.hpp"
#include "wzp/federation/user_directory.hpp"
#include "wzp/proto/signal_json.hpp"

namespace wzp::federation {

/// The messages of one type that go to somebody, and the reasons of what was dropped.
template <class T>
std::vector<std::pair<RelayFingerprint, T>> sent(const GossipActions& actions) {
  std::vector<std::pair<RelayFingerprint, T>> out;
  for (const auto& action : actions) {
    const auto* send = std::get_if<SendTo>(&action);
    if (!send) continue;
    if (const auto* message = std::get_if<T>(&send->message)) out.emplace_back(send->to, *message);
  }
  return out;
}
template <class T>
bool has(const GossipActions& actions) {
  return std::ranges::any_of(actions, [](const auto& action) { return std::holds_alternative<T>(action); });
}
inline GossipActions dropped(std::string reason) { return {Dropped{std::move(reason)}}; }
inline GossipActions declined(std::string reason) { return {not_taken(std::move(reason))}; }

inline proto::RoomParticipant some_person(const std::string& name) { return {name, name, {}, "000000000001"}; }

/// Relays 1 to n, joined by reliable, ordered links with delays. A cut link loses what is under way; each side notices
/// a little later. A relay that restarts has forgotten everything but its name.
class GossipNet {
 public:
  struct Options {
    std::uint64_t seed = 1;
    Duration delay = std::chrono::milliseconds{20};     ///< up to
    Duration noticed = std::chrono::milliseconds{100};  ///< up to
    std::set<std::string> rooms{"lobby"};
  };
  struct Node {
    RelayMap map;
    RoomDirectory rooms;
    UserDirectory users;
    std::unique_ptr<sim::Alarm> alarm{};
  };
  using Pair = std::pair<std::uint8_t, std::uint8_t>;

  GossipNet(std::uint8_t count, Options options) : options_{std::move(options)}, random_{options_.seed} {
    for (std::uint8_t name = 1; name <= count; ++name) start(name);
  }

  Node& node(std::uint8_t name) { return *nodes_.at(name); }
  std::uint8_t count() const { return static_cast<std::uint8_t>(nodes_.size()); }
  Instant now() const { return queue_.now(); }
  sim::Random& random() { return random_; }
  void run_for(Duration time) { queue_.run_for(time); }
  static std::uint8_t name_of(const RelayFingerprint& relay) { return relay.bytes[0]; }
  static Pair ordered(std::uint8_t a, std::uint8_t b) { return {std::min(a, b), std::max(a, b)}; }

  /// A relay whose configuration differs; before any link.
  void set_rooms(std::uint8_t name, std::set<std::string> rooms) {
    rooms_of_[name] = std::move(rooms);
    start(name);
  }
  void set_room(std::uint8_t name, const std::string& room, const std::vector<std::string>& people) {
    RoomDirectory::People list;
    for (const auto& person : people) list.push_back(some_person(person));
    carry_out(name, node(name).rooms.set_local(room, list, {}, now()));
  }
  void announce(std::uint8_t name, const Fingerprint& person) {
    carry_out(name, node(name).users.announce(person, now()));
  }
  void withdraw(std::uint8_t name, const Fingerprint& person) {
    carry_out(name, node(name).users.withdraw(person, now()));
  }

  bool is_up(std::uint8_t a, std::uint8_t b) const { return links_.contains(ordered(a, b)); }
  const std::map<Pair, bool>& links() const { return links_; }  ///< and whether they are delegates to each other
  void up(std::uint8_t a, std::uint8_t b, bool delegate = true) {
    if (!links_.emplace(ordered(a, b), delegate).second) return;
    ++generation_[ordered(a, b)];
    for (const auto& [me, other] : {Pair{a, b}, Pair{b, a}}) {
      notice_loss(me, other);
      const auto when = now() + random_.between({}, options_.delay);
      free_at_[{other, me}] = when;  // nothing arrives before that
      at_link(ordered(a, b), when, [this, me = me, other = other, delegate] {
        up_at_.insert({me, other});
        auto& self = node(me);
        const auto relay = some_relay(other);
        carry_out(me, self.map.link_up(relay, delegate, now()));
        carry_out(me,
                  self.rooms.link_up(relay, {RoomDirectory::Kind::MediaV2, delegate, label(other)}, self.map, now()));
        carry_out(me, self.users.link_up(relay, delegate, self.map, now()));
      });
    }
  }
  void cut(std::uint8_t a, std::uint8_t b) {
    if (links_.erase(ordered(a, b)) == 0) return;
    const auto generation = ++generation_[ordered(a, b)];
    for (const auto& [me, other] : {Pair{a, b}, Pair{b, a}}) {
      queue_.after(random_.between({}, options_.noticed), [this, me = me, other = other, generation] {
        if (generation_[ordered(me, other)] == generation) notice_loss(me, other);
      });
    }
  }
  /// The links are cut, and stay so.
  void restart(std::uint8_t name) {
    for (std::uint8_t other = 1; other <= count(); ++other) {
      cut(name, other);
      up_at_.erase({name, other});
    }
    start(name);
  }
  static std::string label(std::uint8_t name) { return "relay-" + std::to_string(name); }

  /// Messages and bytes of JSON so far, by tag.
  std::map<std::string, std::size_t> messages;
  std::map<std::string, std::size_t> bytes;
  std::map<std::string, std::size_t> drops;
  std::function<void(std::uint8_t, const std::string&)> on_room_changed;
  bool count_bytes = false;

 private:
  void start(std::uint8_t name) {
    const auto own = some_relay(name);
    const auto rooms = rooms_of_.contains(name) ? rooms_of_.at(name) : options_.rooms;
    nodes_[name] = std::make_unique<Node>(Node{RelayMap{{.own = own}}, RoomDirectory{{.own = own, .rooms = rooms}},
                                               UserDirectory{{.own = own, .salt = random_.bytes<16>()}}});
    node(name).alarm = std::make_unique<sim::Alarm>(queue_, [this, name] { tick(name); });
  }
  void tick(std::uint8_t name) {
    auto& self = node(name);
    carry_out(name, self.map.tick(now()));
    carry_out(name, self.rooms.tick(now()));
    carry_out(name, self.users.tick(now()));
    assert(!due(name) || *due(name) > now());  // a tick does what is due
  }
  std::optional<Instant> due(std::uint8_t name) {
    const auto& self = node(name);
    return earliest(earliest(self.map.deadline(), self.rooms.deadline()), self.users.deadline());
  }
  void notice_loss(std::uint8_t me, std::uint8_t other) {
    if (up_at_.erase({me, other}) == 0) return;
    auto& self = node(me);
    const auto relay = some_relay(other);
    carry_out(me, self.map.link_down(relay, now()));
    carry_out(me, self.rooms.link_down(relay, self.map, now()));
    carry_out(me, self.users.link_down(relay, self.map, now()));
  }
  void at_link(Pair link, Instant when, std::function<void()> task) {
    queue_.at(when, [this, link, generation = generation_[link], task = std::move(task)] {
      if (generation_[link] == generation) task();
    });
  }
  void carry_out(std::uint8_t me, const GossipActions& actions) {
    for (const auto& action : actions) {
      std::visit(overloaded{[&](const SendTo& send) { deliver(me, name_of(send.to), send.message); },
                            [&](const Dropped& drop) { ++drops[drop.reason]; },
                            [&](const MapChanged&) {
                              auto& self = node(me);
                              carry_out(me, self.rooms.map_changed(self.map, now()));
                              carry_out(me, self.users.map_changed(self.map, now()));
                            },
                            [&](const RoomChanged& changed) {
                              if (on_room_changed) on_room_changed(me, changed.room);
                            }},
                 action);
    }
    node(me).alarm->set(due(me));
  }
  void deliver(std::uint8_t me, std::uint8_t other, const proto::SignalMessage& message) {
    ++messages[std::string{tag(message)}];
    if (count_bytes) bytes[std::string{tag(message)}] += encode(message).size();
    if (!is_up(me, other)) return;
    auto& free_at = free_at_[{me, other}];
    free_at = std::max(free_at, now() + random_.between({}, options_.delay));
    at_link(ordered(me, other), free_at, [this, me, other, message] {
      auto& self = node(other);
      const auto from = some_relay(me);
      std::visit(overloaded{[&](const proto::RelayState& m) { carry_out(other, self.map.handle(from, m, now())); },
                            [&](const proto::RoomState& m) { carry_out(other, self.rooms.handle(from, m, self.map, now())); },
                            [&](const proto::UserState& m) { carry_out(other, self.users.handle(from, m, now())); },
                            [&](const proto::UserDigest& m) { carry_out(other, self.users.handle(from, m, now())); },
                            [&](const proto::UserRequest& m) { carry_out(other, self.users.handle(from, m, now())); },
                            [](const auto&) { assert(false); }},
                 message.as_variant());
    });
  }

  Options options_;
  sim::Random random_;
  sim::SimQueue queue_;
  std::map<std::uint8_t, std::set<std::string>> rooms_of_;
  std::map<Pair, bool> links_;
  std::map<Pair, std::uint64_t> generation_;
  std::set<Pair> up_at_;  ///< (who, to whom): believes its link to be up
  std::map<Pair, Instant> free_at_;
  std::map<std::uint8_t, std::unique_ptr<Node>> nodes_;
};

}  // namespace wzp::federation
