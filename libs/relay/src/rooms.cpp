#include "rooms.hpp"

#include <algorithm>

#include "sessions.hpp"
#include "wzp/crypto/call_keys.hpp"
#include "wzp/crypto/hash.hpp"
#include "wzp/crypto/registration.hpp"
#include "wzp/crypto/room.hpp"
#include "wzp/proto/quality.hpp"

namespace wzp::relay {
namespace {

/// How long the seats outlive the call. Source: relay.md 8.5.
constexpr Duration kSeatLinger = std::chrono::seconds{2};

/// Why this handshake gives no seat; empty when it does.
std::string_view objection(const State& s, const Session& session, const proto::CallOffer& offer) {
  if (!crypto::verify_call_offer(offer.identity_pub, offer.ephemeral_pub, offer.signature)) return "bad signature";
  const crypto::RoomBinding binding{s.config.fingerprint, session.room_exporter, offer.ephemeral_pub,
                                    offer.identity_pub};
  if (!offer.binding.empty() && !crypto::verify_room_binding(binding, offer.binding)) return "bad binding";
  const auto id = proto::call_of_room(session.server_name);
  const auto* call = id ? s.calls.find_live(*id) : nullptr;
  if (call == nullptr || call->state != registry::CallState::Active) return "no such call";
  const auto role = call->role_of(crypto::fingerprint_of(offer.identity_pub));
  if (!role || !call->is_here(*role)) return "not a party of this call";
  const auto* client = s.presence.current(call->party(*role));
  const bool is_unsigned =
      client != nullptr ? !client->is_signed : s.notes.at(*id).is_unsigned[static_cast<std::size_t>(*role)];
  if (offer.binding.empty() && !is_unsigned) return "no binding";
  return {};
}

void announce_members(State& s, const Seats& seats) {
  proto::RoomUpdate update;
  update.count = static_cast<std::uint32_t>(seats.taken.size());
  for (const auto& seat : seats.taken) update.participants.push_back({to_string(seat.who), seat.alias, std::nullopt});
  for (const auto& seat : seats.taken) s.send(seat.conn, update);
}

}  // namespace

ByteArray<32> room_ephemeral(const crypto::Identity& identity) {
  // A real X25519 key, because reference clients compute with it; what they compute protects nothing (wire.md 4.3),
  // so one key for all connections loses nothing either.
  const auto seed = crypto::sha256(identity.sign(bytes_of("wzp room ephemeral")));
  return crypto::EphemeralKey{Secret<32>{seed}}.public_key();
}

void on_call_offer(State& s, Session& session, const proto::CallOffer& offer, Instant now) {
  if (const auto why = objection(s, session, offer); !why.empty()) {
    s.drop("room-not-admitted");
    return close_session(s, session, kCloseNotAdmitted, "not admitted: " + std::string{why}, now);
  }
  s.due.cancel(SessionDue{session.conn});
  session.stage = Session::Stage::Ready;
  session.who = crypto::fingerprint_of(offer.identity_pub);
  const auto signature = crypto::sign_call_answer(s.config.identity, s.room_ephemeral);
  s.send(session.conn, proto::CallAnswer{.identity_pub = s.config.identity.public_key(),
                                         .ephemeral_pub = s.room_ephemeral,
                                         .signature = {signature.begin(), signature.end()},
                                         .chosen_profile = proto::kGood});
  // One seat per person: a second join takes the place of the first, so two seats are always enough (V-32).
  auto& seats = s.rooms[session.server_name];
  seats.call = *proto::call_of_room(session.server_name);
  const auto old = std::find_if(seats.taken.begin(), seats.taken.end(),
                                [&](const Seats::One& seat) { return seat.who == session.who; });
  if (old != seats.taken.end()) {
    const auto old_conn = old->conn;
    seats.taken.erase(old);
    s.out.push_back(Unseat{old_conn});
    close_session(s, *s.session(old_conn), kCloseReplaced, "replaced", now);
  }
  const bool has_alias = offer.alias && offer.alias->size() <= kMaxAliasBytes;
  seats.taken.push_back({session.conn, session.who, has_alias ? offer.alias : std::nullopt});
  s.out.push_back(Seat{session.conn, session.server_name});
  announce_members(s, seats);
}

void leave_room(State& s, const Session& session) {
  const auto room = s.rooms.find(session.server_name);
  if (room == s.rooms.end()) return;
  auto& taken = room->second.taken;
  if (std::erase_if(taken, [&](const Seats::One& seat) { return seat.conn == session.conn; }) == 0) return;
  s.out.push_back(Unseat{session.conn});
  if (!taken.empty()) return announce_members(s, room->second);
  s.due.cancel(RoomDue{room->first});
  s.rooms.erase(room);
}

void release_room(State& s, const CallId& call, Instant now) {
  if (s.rooms.contains(call.room())) s.due.set(RoomDue{call.room()}, now + kSeatLinger);
}

void on_due(State& s, const RoomDue& due, Instant now) {
  const auto room = s.rooms.find(due.room);
  if (room == s.rooms.end()) return;
  const auto seats = std::move(room->second.taken);
  s.rooms.erase(room);
  for (const auto& seat : seats) {
    s.out.push_back(Unseat{seat.conn});
    close_session(s, *s.session(seat.conn), kCloseNormal, "call ended", now);
  }
}

}  // namespace wzp::relay
