#include "rooms.hpp"

#include <algorithm>

#include "bridge.hpp"
#include "room_changes.hpp"
#include "room_quality.hpp"
#include "sessions.hpp"
#include "wzp/base/hex.hpp"
#include "wzp/crypto/call_keys.hpp"
#include "wzp/crypto/hash.hpp"
#include "wzp/crypto/registration.hpp"
#include "wzp/crypto/room.hpp"
#include "wzp/relay/packet_switch.hpp"

namespace wzp::relay {
namespace {

/// How long the seats outlive the call. Source: relay.md 8.5.
constexpr Duration kSeatLinger = std::chrono::seconds{2};
/// Seats in all: so many numbers are left for them (packet_switch.hpp).
constexpr std::size_t kMaxStreams = kFirstMixedStream - 1;

/// Why this handshake gives no seat in the room of a call; empty when it does.
std::string_view objection_to_party(const State& s, const CallId& id, const proto::CallOffer& offer) {
  const auto* call = s.calls.find_live(id);
  if (call == nullptr || call->state != registry::CallState::Active) return "no such call";
  const auto role = call->role_of(crypto::fingerprint_of(offer.identity_pub));
  if (!role || !call->is_here(*role)) return "not a party of this call";
  const auto* client = s.presence.current(call->party(*role));
  const bool is_unsigned =
      client != nullptr ? !client->is_signed : s.notes.at(id).is_unsigned[static_cast<std::size_t>(*role)];
  if (offer.binding.empty() && !is_unsigned) return "no binding";
  return {};
}

/// ... in another room.
std::string_view objection_to_guest(const State& s, const std::string& key, const proto::CallOffer& offer) {
  for (const auto& listed : s.config.rooms) {
    if (room_key(listed.name) != key) continue;
    const auto who = crypto::fingerprint_of(offer.identity_pub);
    if (std::ranges::find(listed.members, who) == listed.members.end()) return "not a member of this room";
    if (offer.binding.empty()) return "no binding";
  }
  if (s.guests >= s.config.max_seats) return "relay full";
  const auto room = s.rooms.find(key);
  if (room == s.rooms.end()) return s.open_rooms >= s.config.max_rooms ? "too many rooms" : "";
  // Other relays are told of so many, and must not hear more.
  const auto most = global_name(s, key) ? federation::RoomDirectory::kMaxPeople : s.config.max_room_participants;
  if (room->second.seats.size() >= std::min(most, s.config.max_room_participants)) return "room full";
  return {};
}

std::string_view objection(const State& s, const Session& session, const proto::CallOffer& offer) {
  if (!crypto::verify_call_offer(offer.identity_pub, offer.ephemeral_pub, offer.signature)) return "bad signature";
  const crypto::RoomBinding binding{s.config.fingerprint, session.room_exporter, offer.ephemeral_pub,
                                    offer.identity_pub};
  if (!offer.binding.empty() && !crypto::verify_room_binding(binding, offer.binding)) return "bad binding";
  if (s.streams.size() >= kMaxStreams) return "relay full";
  if (const auto call = proto::call_of_room(session.server_name)) return objection_to_party(s, *call, offer);
  return objection_to_guest(s, room_key(session.server_name), offer);
}

std::uint16_t take_stream(State& s) {
  do {
    ++s.last_stream;
  } while (s.last_stream == 0 || s.last_stream >= kFirstMixedStream || s.streams.contains(s.last_stream));
  s.streams.insert(s.last_stream);
  return s.last_stream;
}

/// One seat per person in the room of a call: a second join takes the place of the first, so two seats are always
/// enough (V-32).
void make_place(State& s, Room& room, const Fingerprint& who, Instant now) {
  const auto old = std::ranges::find(room.seats, who, &Room::Seat::who);
  if (old == room.seats.end()) return;
  const auto conn = old->conn;
  s.streams.erase(old->source.stream);
  room.seats.erase(old);
  close_session(s, *s.session(conn), kCloseReplaced, "replaced", now);
}

}  // namespace

std::string room_key(const std::string& server_name) {
  if (proto::call_of_room(server_name)) return server_name;
  const bool is_hash = server_name.size() == 32 && from_hex(server_name);
  return is_hash ? server_name : crypto::hashed_room_name(server_name);
}

std::map<std::string, std::string> names_by_key(const std::vector<std::string>& names) {
  std::map<std::string, std::string> out;
  for (const auto& name : names) out.emplace(room_key(name), name);
  return out;
}

std::optional<std::string> global_name(const State& s, const std::string& key) {
  const auto found = s.global_names.find(key);
  return found == s.global_names.end() ? std::nullopt : std::optional{found->second};
}

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
  const bool trunk = s.config.trunking && proto::has_cap(offer.caps, proto::kCapTrunk);
  s.send(session.conn, proto::CallAnswer{.identity_pub = s.config.identity.public_key(),
                                         .ephemeral_pub = s.room_ephemeral,
                                         .signature = {signature.begin(), signature.end()},
                                         .chosen_profile = proto::kGood,
                                         .caps = trunk ? proto::Caps{std::string{proto::kCapTrunk}} : proto::Caps{}});
  const auto key = room_key(session.server_name);
  const bool is_call = proto::call_of_room(key).has_value();
  auto& room = s.rooms[key];
  if (is_call) {
    make_place(s, room, session.who, now);
  } else {
    ++s.guests;
    if (room.seats.empty()) ++s.open_rooms;
  }
  const bool has_alias = offer.alias && offer.alias->size() <= kMaxAliasBytes;
  room.seats.push_back({.conn = session.conn,
                        .who = session.who,
                        .alias = has_alias ? offer.alias : std::nullopt,
                        .source = proto::SourceId::of(s.config.fingerprint, take_stream(s)),
                        .trunk = trunk && !is_call,
                        .is_bound = !offer.binding.empty()});
  members_changed(s, key, now);
  if (room.advised && *room.advised != Tier::Good) advise(s, room, session.conn);
}

void leave_room(State& s, const Session& session, Instant now) {
  const auto room = s.rooms.find(room_key(session.server_name));
  if (room == s.rooms.end()) return;
  auto& seats = room->second.seats;
  const auto seat = std::ranges::find(seats, session.conn, &Room::Seat::conn);
  if (seat == seats.end()) return;
  s.streams.erase(seat->source.stream);
  seats.erase(seat);
  const auto key = room->first;
  const bool is_open = !proto::call_of_room(key);
  if (is_open) --s.guests;
  members_changed(s, key, now);
  look_at_quality(s, key, now);
  if (!seats.empty()) return;
  if (is_open) --s.open_rooms;
  for (const Due& due : {Due{UpdateDue{key}}, Due{QualityDue{key}}}) s.due.cancel(due);
  s.rooms.erase(room);
}

void release_room(State& s, const CallId& call, Instant now) {
  if (s.rooms.contains(call.room()) || s.tables.contains(crypto::room_tag(call.room()))) {
    s.due.set(RoomDue{call.room()}, now + kSeatLinger);
  }
}

void on_due(State& s, const RoomDue& due, Instant now) {
  s.drop_room(crypto::room_tag(due.room));
  const auto room = s.rooms.find(due.room);
  if (room == s.rooms.end()) return;
  const auto seats = std::move(room->second.seats);
  s.rooms.erase(room);
  for (const auto& seat : seats) {
    s.streams.erase(seat.source.stream);
    close_session(s, *s.session(seat.conn), kCloseNormal, "call ended", now);
  }
}

}  // namespace wzp::relay
