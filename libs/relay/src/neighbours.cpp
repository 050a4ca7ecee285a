#include "neighbours.hpp"

#include "bridge.hpp"
#include "cross_relay_dispatcher.hpp"
#include "room_changes.hpp"
#include "route_repair.hpp"
#include "wzp/base/overloaded.hpp"

namespace wzp::relay {
namespace {

/// The ways between relays have changed: whatever waited for one, or goes along one, is looked at again.
void map_changed(State& s, Instant now) {
  run(s, s.room_directory.map_changed(s.map, now), now);
  run(s, s.users.map_changed(s.map, now), now);
  update_global_rooms(s);
  map_has_changed(s, now);
}

}  // namespace

void link_up(State& s, const RelayFingerprint& relay, Instant now) {
  const bool delegate = s.federation.is_delegate(relay);
  if (s.federation.has_cap(relay, proto::kCapRoutes)) {
    run(s, s.map.link_up(relay, delegate, now), now);
    run(s, s.users.link_up(relay, delegate, s.map, now), now);
  }
  using Kind = federation::RoomDirectory::Kind;
  // A relay of ours without media-v2 knows nothing of rooms at all.
  const bool v2 = s.federation.has_cap(relay, proto::kCapMediaV2);
  if (v2 || !s.federation.is_capable(relay)) {
    const auto label = s.federation.name_of(relay);
    run(s, s.room_directory.link_up(relay, {v2 ? Kind::MediaV2 : Kind::Reference, delegate && v2, label}, s.map, now),
        now);
  }
  CrossRelayDispatcher{s}.link_up(relay, now);
  update_global_rooms(s);
}

void link_down(State& s, const RelayFingerprint& relay, Instant now) {
  run(s, s.map.link_down(relay, now), now);
  run(s, s.users.link_down(relay, s.map, now), now);
  run(s, s.room_directory.link_down(relay, s.map, now), now);
  CrossRelayDispatcher{s}.link_down(relay, now);
  if (!s.federation.label_of(relay)) s.misdeeds.erase(relay);  // it will never be the same again
  update_global_rooms(s);
}

void link_changed(State& s, const RelayFingerprint& relay, Instant now) {
  if (const auto conn = s.federation.connection_of(relay)) {
    const bool v2 = s.federation.has_cap(relay, proto::kCapMediaV2);
    const bool trunk = v2 && s.config.trunking && s.federation.has_cap(relay, proto::kCapTrunk);
    LinkMedia media{.conn = *conn, .v2 = v2, .trunk = trunk};
    if (!s.federation.is_delegate(relay)) media.only_relay = proto::SourceId::of(relay, 0).relay;
    s.out.push_back(SetLink{media});
    // Only reference relays keep several (design.md 3.22).
    media.newest = *conn;
    for (const auto& link : s.federation.links()) {
      if (v2 || link.relay != relay || link.conn == *conn) continue;
      media.conn = link.conn;
      s.out.push_back(SetLink{media});
    }
  }
  update_bridges(s, relay, now);
  update_global_rooms(s);
}

void from_relay(State& s, const RelayFingerprint& from, const proto::SignalMessage& message, Instant now) {
  std::visit(overloaded{
                 [&](const proto::RoutedSignal& m) { CrossRelayDispatcher{s}.handle(from, m, now); },
                 [&](const proto::RelayState& m) { run(s, s.map.handle(from, m, now), now, &from); },
                 [&](const proto::RoomState& m) { run(s, s.room_directory.handle(from, m, s.map, now), now, &from); },
                 [&](const proto::GlobalRoomActive& m) { run(s, s.room_directory.handle(from, m, now), now, &from); },
                 [&](const proto::GlobalRoomInactive& m) { run(s, s.room_directory.handle(from, m, now), now, &from); },
                 [&](const proto::UserState& m) { run(s, s.users.handle(from, m, now), now, &from); },
                 [&](const proto::UserDigest& m) { run(s, s.users.handle(from, m, now), now, &from); },
                 [&](const proto::UserRequest& m) { run(s, s.users.handle(from, m, now), now, &from); },
                 [&](const auto&) { s.drop("link-unexpected"); },
             },
             message.as_variant());
}

void announce_user(State& s, const Fingerprint& who, Instant now) { run(s, s.users.announce(who, now), now); }
void withdraw_user(State& s, const Fingerprint& who, Instant now) { run(s, s.users.withdraw(who, now), now); }

void tick_directories(State& s, Instant now) {
  run(s, s.map.tick(now), now);
  run(s, s.room_directory.tick(now), now);
  run(s, s.users.tick(now), now);
}

std::optional<Instant> directories_deadline(const State& s) {
  return earliest(earliest(s.map.deadline(), s.room_directory.deadline()), s.users.deadline());
}

void run(State& s, federation::GossipActions actions, Instant now, const RelayFingerprint* from) {
  for (auto& action : actions) {
    std::visit(overloaded{
                   [&](federation::SendTo& a) {
                     if (const auto conn = s.federation.connection_of(a.to)) s.send(*conn, std::move(a.message));
                   },
                   [&](const federation::Dropped& a) {
                     if (from == nullptr || a.is_honest) return s.drop(a.reason);
                     s.misdeed(*from, a.reason, now);
                   },
                   [&](const federation::MapChanged&) { map_changed(s, now); },
                   [&](const federation::RoomChanged& a) { global_room_changed(s, a.room, now); },
               },
               action);
  }
}

}  // namespace wzp::relay
