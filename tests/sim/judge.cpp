#include "sim/judge.hpp"

#include <algorithm>
#include <cstdio>

#include "sim/sim_phone.hpp"
#include "sim/sim_relay.hpp"
#include "sim/world.hpp"
#include "support/printers.hpp"
#include "wzp/base/overloaded.hpp"

namespace wzp::sim {

void Judge::broken(const std::string& what) const {
  const auto at = std::chrono::duration<double>(world_.queue().now() - world_.began()).count();
  throw Broken{"at " + std::to_string(at) + " s: " + what};
}

void Judge::trace(const std::string& who, const std::string& what) const {
  const auto at = std::chrono::duration<double>(world_.queue().now() - world_.began()).count();
  std::printf("%10.3f  %-8s %s\n", at, who.c_str(), what.c_str());
}

CallTruth* Judge::find(const CallId& id) {
  const auto found = calls_.find(id);
  return found == calls_.end() ? nullptr : &found->second;
}

CallTruth* Judge::find(const std::string& id) {
  const auto parsed = CallId::parse(id);
  return parsed ? find(*parsed) : nullptr;
}

const CallTruth* Judge::truth(const CallId& id) const {
  const auto found = calls_.find(id);
  return found == calls_.end() ? nullptr : &found->second;
}

Part* Judge::part_of(CallTruth& truth, const SimPhone& phone) {
  for (auto& part : truth.parts) {
    if (part.phone == &phone && part.incarnation == phone.incarnation()) return &part;
  }
  return nullptr;
}

Part& Judge::let_go(CallTruth& truth, SimPhone& phone, const char* how) {
  auto* part = part_of(truth, phone);
  demand(part != nullptr && part->is_in, phone.name() + " lets go (" + how + ") of call " + brief(truth.id.text()) + " that it is not in");
  part->is_in = false;
  part->since = world_.queue().now();
  return *part;
}

// --- what happens to phones

void Judge::places(SimPhone& phone, const CallId& id, const Fingerprint& target) {
  const auto now = world_.queue().now();
  CallTruth truth;
  truth.id = id;
  truth.caller = phone.who();
  truth.callee = target;
  truth.placed = now;
  Part part;
  part.phone = &phone;
  part.incarnation = phone.incarnation();
  part.since = now;
  truth.parts.push_back(std::move(part));
  SimPhone* callee = nullptr;
  int alike = 0;
  for (auto& other : world_.phones()) {
    if (other->who() == target) ++alike, callee = other.get();
    if (other->who() == phone.who() && other.get() != &phone) ++alike;
  }
  truth.fair = alike == 1 && callee != &phone && callee->running() && connected(phone) && connected(*callee) &&
               linked(world_.home_relay(phone), world_.home_relay(*callee)) && cables_are_whole(phone, *callee);
  truth.should_ring = truth.fair && phone.core().call_state() == client::CallState::None &&
                      callee->core().call_state() == client::CallState::None;
  by_speech_.emplace(speech_id(id), id);
  calls_.emplace(id, std::move(truth));
  if (world_.tracing()) trace(phone.name(), "PLACES " + brief(id.text()) + " to " + to_string(target).substr(0, 9));
}

void Judge::told(SimPhone& phone, const client::UserEvent& event) {
  const auto now = world_.queue().now();
  std::visit(overloaded{
                 [&](const client::Incoming& e) {
                   auto* truth = find(e.call);
                   demand(truth != nullptr, phone.name() + " rings for a call that nobody placed");
                   demand(truth->callee == phone.who(), phone.name() + " rings for a call to somebody else");
                   demand(truth->caller == e.peer, phone.name() + " is shown the wrong caller");
                   demand(e.sealed, phone.name() + " rings for an unsealed call");
                   demand(part_of(*truth, phone) == nullptr, phone.name() + " rings twice for one call");
                   if (e.mutual) {  // its own call to that person gives way without an `Ended`
                     for (auto& [id, own] : calls_) {
                       auto* part = part_of(own, phone);
                       if (part == nullptr || !part->is_in) continue;
                       demand(own.caller == phone.who() && own.callee == e.peer, phone.name() + " gave up another call for a mutual one");
                       let_go(own, phone, "mutual").ended = true;
                     }
                   }
                   Part part;
                   part.phone = &phone;
                   part.incarnation = phone.incarnation();
                   part.since = now;
                   truth->parts.push_back(std::move(part));
                 },
                 [&](const client::MissedCall& e) {
                   auto* truth = find(e.call);
                   if (truth == nullptr || truth->callee != phone.who() || truth->caller != e.peer || part_of(*truth, phone) != nullptr) return;
                   Part part;
                   part.phone = &phone;
                   part.incarnation = phone.incarnation();
                   part.is_in = false;
                   part.since = now;
                   part.ended = true;
                   truth->parts.push_back(std::move(part));
                 },
                 [&](const client::Ended& e) {
                   auto* truth = find(e.call);
                   demand(truth != nullptr, phone.name() + " ended a call that nobody placed");
                   auto& part = let_go(*truth, phone, "ended");
                   part.ended = true;
                   part.reason = e.reason;
                   ++seen_.ends[std::string{client::name(e.reason)}];
                   demand(truth->caller == e.peer || truth->callee == e.peer, "a call ended with a stranger");
                   check_reason(*truth, part);
                   demand(e.reason != client::EndReason::IdentityRefused, phone.name() + " refused the identity of an honest person: " + e.why);
                 },
                 [&](const client::Answered& e) {
                   demand(e.sealed, "a call between our phones was answered unsealed");
                   if (auto* truth = find(e.call)) part_of(*truth, phone)->answered = true;
                 },
                 [&](const client::CheckCode& e) {
                   auto* truth = find(e.call);
                   auto* part = part_of(*truth, phone);
                   part->code = e.digits;
                   if (part != &truth->parts.front()) return;
                   demand(truth->taken.has_value(), phone.name() + " shows a check code before anybody answered");
                   demand(truth->parts[*truth->taken].code == e.digits, "the check codes of a call differ");
                 },
                 [&](const client::PathChosen& e) {
                   if (auto* truth = find(e.call)) part_of(*truth, phone)->path = e.kind;
                 },
                 [&](const client::FirstMedia& e) {
                   auto* part = part_of(*find(e.call), phone);
                   part->first_media = now;
                   ++seen_.active;
                   if (e.kind == client::PathKind::Direct) ++seen_.direct;
                 },
                 [](const auto&) {},
             },
             event);
}

void Judge::phone_dies(SimPhone& phone) {
  disturbed();
  if (world_.tracing()) trace(phone.name(), "CRASHES");
  for (auto& [id, truth] : calls_) {
    auto* part = part_of(truth, phone);
    if (part == nullptr || !part->is_in) continue;
    part->is_in = false;
    part->crashed = true;
    part->since = world_.queue().now();
    truth.tainted = phone.name() + " crashed";
  }
}

void Judge::relay_dies(SimRelay& relay) {
  disturbed();
  if (world_.tracing()) trace(relay.name(), "CRASHES");
  for (auto& [id, truth] : calls_) {
    const bool live = std::any_of(truth.parts.begin(), truth.parts.end(), [](const auto& p) { return p.is_in; });
    const bool on_route = std::any_of(truth.parts.begin(), truth.parts.end(), [&](const auto& p) { return &world_.home_relay(*p.phone) == &relay; });
    if (live && on_route) truth.tainted = relay.name() + " restarted";
  }
  std::erase_if(ended_at_, [&](const auto& e) { return e.first.first == relay.owner(); });
  std::erase_if(live_at_, [&](const auto& e) { return e.first == relay.owner(); });
}

void Judge::disturbed() { last_disturbed_ = world_.queue().now(); }

// --- media

void Judge::plays(SimPhone& phone, const Speech& speech, std::uint64_t) {
  ++seen_.frames;
  const auto id = phone.core().call_id();
  auto* truth = find(id);
  demand(truth != nullptr, phone.name() + " plays something outside of any call");
  demand(speech.call == speech_id(id), phone.name() + " plays a frame of another call");
  const auto& other = truth->caller == phone.who() ? truth->callee : truth->caller;
  demand(speech.speaker == speech_id(other), phone.name() + " plays what somebody else said");
  auto* part = part_of(*truth, phone);
  demand(part != nullptr && part->is_in, phone.name() + " plays media of a call that it is not in");
  demand(truth->taken && (part == &truth->parts.front() || part == &truth->parts[*truth->taken]),
         phone.name() + " plays media of a call that another phone answered");
  const auto& speaks = truth->parts[part == &truth->parts.front() ? *truth->taken : 0];
  demand(speech.phone == static_cast<std::uint32_t>(speaks.phone->owner()), phone.name() + " plays what a phone said that does not have the call");
  if (part->played.size() <= speech.number) part->played.resize(speech.number + 1);
  demand(!part->played[speech.number], phone.name() + " plays a frame twice");
  part->played[speech.number] = true;
  stays_[phone.owner()].heard = world_.queue().now();
}

void Judge::forwards(SimRelay& relay, ConnectionId from, ConnectionId to) {
  ++seen_.forwarded;
  demand(relay.knows(from) && relay.knows(to), relay.name() + " forwards to a connection that is gone");
  // A link has no room of its own: the seat at the other end of the step says which call it is.
  const bool from_link = relay.class_of(from) == proto::ConnectionClass::Federation;
  const bool to_link = relay.class_of(to) == proto::ConnectionClass::Federation;
  demand(!from_link || !to_link, relay.name() + " passes media on between relays that may not speak for others");
  const auto& room = relay.server_name_of(from_link ? to : from);
  demand(from_link || to_link || room == relay.server_name_of(to), relay.name() + " forwards from one room to another");
  const auto id = proto::call_of_room(room);
  auto* truth = id ? find(*id) : nullptr;
  demand(truth != nullptr, relay.name() + " forwards in a room that is no call");
  const auto is_party = [&](const SimPhone& phone) { return phone.who() == truth->caller || phone.who() == truth->callee; };
  const auto check_end = [&](ConnectionId end, bool is_link) {
    if (is_link) return;  // that only relays of the route get it, tests/relay/mesh_sim_test.cpp shows
    const auto* phone = world_.phone_of(relay.endpoint().peer_owner(end));
    if (phone != nullptr) demand(is_party(*phone), relay.name() + " forwards media of somebody who is not party to the call");
  };
  check_end(from, from_link);
  check_end(to, to_link);
  if (from_link) {
    // What comes from elsewhere comes from the phone that has the call, and is for the one that has it.
    const auto* phone = world_.phone_of(relay.endpoint().peer_owner(to));
    if (phone == nullptr) return;  // the connection is just ending
    demand(truth->taken.has_value(), relay.name() + " lets media of an unanswered call in");
    const auto& answerer = *truth->parts[*truth->taken].phone;
    const bool for_caller = phone->who() == truth->caller;
    demand(for_caller || phone == &answerer, relay.name() + " gives media to a phone whose answer was not taken");
    const auto& home = world_.home_relay(for_caller ? answerer : *truth->parts.front().phone);
    demand(relay.endpoint().peer_owner(from) == home.owner(), relay.name() + " lets media in from a relay that does not have the call");
  }
  if (from_link || to_link) return;
  const auto* a = world_.phone_of(relay.endpoint().peer_owner(from));
  const auto* b = world_.phone_of(relay.endpoint().peer_owner(to));
  if (b == nullptr) return;  // the connection is just ending
  demand(a != nullptr, relay.name() + " forwards what a stranger sent");
  demand(a->who() != b->who(), relay.name() + " gives somebody their own words");
}

}  // namespace wzp::sim
