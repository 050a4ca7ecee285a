#include "reload.hpp"

#include <algorithm>
#include <iterator>

#include "calls.hpp"
#include "neighbours.hpp"
#include "offer_search.hpp"
#include "room_changes.hpp"
#include "rooms.hpp"
#include "sessions.hpp"

namespace wzp::relay {
namespace {

/// The calls of a relay that is trusted no more: both sides are told, while the link is still there.
void end_calls_via(State& s, const RelayFingerprint& relay, Instant now) {
  for (const auto& id : s.calls.calls_via(relay)) {
    const auto& call = *s.calls.find(id);
    if (call.relay_toward(Role::Caller) == relay || call.relay_toward(Role::Callee) == relay) {
      end_call(s, id, proto::HangupReason::Error, {}, now);
    } else if (call.is_unanswered()) {  // others may have the callee
      s.forward(relay, proto::Hangup{proto::HangupReason::Error, id.text()});
      says_no(s, relay, id, proto::HangupReason::Error, now);
    }
  }
}

void put_out_strangers(State& s, Instant now) {
  std::vector<ConnectionId> out;
  for (const auto& listed : s.config.rooms) {
    const auto room = s.rooms.find(room_key(listed.name));
    if (room == s.rooms.end()) continue;
    for (const auto& seat : room->second.seats) {
      const bool is_member = std::ranges::find(listed.members, seat.who) != listed.members.end();
      if (!is_member || !seat.is_bound) out.push_back(seat.conn);
    }
  }
  for (const auto conn : out) {
    if (auto* session = s.session(conn))
      close_session(s, *session, kCloseNotAdmitted, "not admitted: not a member of this room any more", now);
  }
}

}  // namespace

std::vector<federation::FederationManager::Peer> federation_peers(const std::vector<PeerConfig>& peers) {
  std::vector<federation::FederationManager::Peer> out;
  for (const auto& p : peers) {
    out.push_back({p.fingerprint, p.label.empty() ? p.url : p.label, p.share_addrs_in_offer, p.delegate, p.url, false});
  }
  return out;
}

std::vector<federation::FederationManager::Trusted> federation_trusted(const std::vector<TrustedConfig>& trusted) {
  std::vector<federation::FederationManager::Trusted> out;
  for (const auto& t : trusted) out.push_back({t.fingerprint, t.label, t.delegate});
  return out;
}

void on_event(State& s, const Reload& event, Instant now) {
  const auto is_named = [&](const RelayFingerprint& relay) {
    return std::ranges::any_of(event.peers, [&](const auto& p) { return p.fingerprint == relay; }) ||
           std::ranges::any_of(event.trusted, [&](const auto& t) { return t.fingerprint == relay; });
  };
  for (const auto& relay : s.federation.relays()) {
    if (!is_named(relay)) end_calls_via(s, relay, now);
  }
  const auto former_rooms = std::exchange(s.config.global_rooms, event.global_rooms);
  s.global_names = names_by_key(event.global_rooms);
  s.config.peers = event.peers;
  s.config.trusted = event.trusted;
  s.config.rooms = event.rooms;
  run(s, s.room_directory.set_rooms({event.global_rooms.begin(), event.global_rooms.end()}, now), now);
  std::vector<std::string> other_now;  // global and no longer, or the other way round
  const auto sorted = [](std::vector<std::string> names) {
    std::ranges::sort(names);
    return names;
  };
  std::ranges::set_symmetric_difference(sorted(former_rooms), sorted(event.global_rooms),
                                        std::back_inserter(other_now));
  for (const auto& name : other_now) retag_room(s, name, now);
  put_out_strangers(s, now);
  run(s, s.federation.reconfigure(federation_peers(event.peers), federation_trusted(event.trusted), now), now);
  update_global_rooms(s);
  s.log(LogLevel::Info, "the lists of the configuration were read again");
}

}  // namespace wzp::relay
