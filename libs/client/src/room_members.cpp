#include "room_members.hpp"

#include <algorithm>
#include <set>

#include "wzp/base/log.hpp"

namespace wzp::client {
namespace {

RoomMember read(const proto::RoomParticipant& p, const Fingerprint& own) {
  RoomMember member;
  member.fingerprint = Fingerprint::parse(p.fingerprint);
  member.alias = printable(p.alias.value_or(""));
  member.relay = printable(p.relay_label.value_or(""));
  if (p.source) member.source = proto::SourceId::parse(*p.source);
  // The same person may sit at another relay, too: with another program.
  member.is_self = member.fingerprint == own && !p.relay_label;
  return member;
}

/// Two entries with the same key are one member. With a source that alone decides.
RoomMember key(RoomMember member) {
  if (member.source) {
    RoomMember only;
    only.source = member.source;
    return only;
  }
  member.relay.clear();
  return member;
}

}  // namespace

std::vector<RoomMember> read_members(const proto::RoomUpdate& update, const Fingerprint& own, std::size_t limit) {
  std::vector<RoomMember> members;
  std::set<RoomMember> seen;
  for (const auto& participant : update.participants) {
    if (members.size() == limit) break;
    auto member = read(participant, own);
    if (seen.insert(key(member)).second) members.push_back(std::move(member));
  }
  return members;
}

std::vector<RoomMember> missing_from(const std::vector<RoomMember>& a, const std::vector<RoomMember>& b) {
  std::set<RoomMember> there;
  for (const auto& member : b) there.insert(key(member));
  std::vector<RoomMember> out;
  std::copy_if(a.begin(), a.end(), std::back_inserter(out), [&](const auto& m) { return !there.contains(key(m)); });
  return out;
}

}  // namespace wzp::client
