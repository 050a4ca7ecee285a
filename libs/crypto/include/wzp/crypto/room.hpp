#pragma once

#include <string>
#include <string_view>

#include "wzp/base/bytes.hpp"
#include "wzp/crypto/identity.hpp"

namespace wzp::crypto {

/// The hop signatures of the media-room handshake (wire.md 4.3): over ephemeral | "call-offer" and
/// ephemeral | "call-answer". Reference relays and clients check them. They name neither peer, room nor
/// connection, so they prove only that the key was used once; `RoomBinding` proves the rest.
[[nodiscard]] Signature sign_call_offer(const Identity& identity, const ByteArray<32>& ephemeral);
[[nodiscard]] bool verify_call_offer(const IdentityKey& identity, const ByteArray<32>& ephemeral, ByteView signature);
[[nodiscard]] Signature sign_call_answer(const Identity& identity, const ByteArray<32>& ephemeral);
[[nodiscard]] bool verify_call_answer(const IdentityKey& identity, const ByteArray<32>& ephemeral, ByteView signature);

/// What stands before a media packet between relays: the first 8 bytes of SHA-256 of the canonical room
/// name (wire.md 3.10).
[[nodiscard]] ByteArray<8> room_tag(std::string_view canonical_name);

/// The other spelling of a room name, used by the web bridge: 32 lowercase hex digits of
/// SHA-256("featherchat-group:" + room) (wire.md 1.2).
[[nodiscard]] std::string hashed_room_name(std::string_view room);

}  // namespace wzp::crypto
