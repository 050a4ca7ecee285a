#include <algorithm>

#include "sim/judge.hpp"
#include "sim/sim_phone.hpp"
#include "sim/sim_relay.hpp"
#include "sim/world.hpp"
#include "support/printers.hpp"
#include "support/envelopes.hpp"
#include "wzp/base/overloaded.hpp"

// Who may hear what: signals reach parties only, addresses only those who were allowed to see them.

namespace wzp::sim {
namespace {

bool has_addresses(const proto::DirectCallOffer& m) { return m.caller_reflexive_addr || !m.caller_local_addrs.empty(); }
bool has_addresses(const proto::DirectCallAnswer& m) { return m.callee_reflexive_addr || !m.callee_local_addrs.empty(); }
bool has_addresses(const proto::CallSetup& m) { return m.peer_direct_addr || !m.peer_local_addrs.empty(); }

bool is_accepting(const proto::DirectCallAnswer& m) { return m.accept_mode != proto::CallAcceptMode::Reject; }

std::optional<std::string> call_of(const proto::SignalMessage& message) {
  return std::visit(overloaded{[](const proto::Hangup& m) { return m.call_id; },
                               [](const auto& m) -> std::optional<std::string> {
                                 if constexpr (requires { m.call_id; }) {
                                   return m.call_id;
                                 } else {
                                   return std::nullopt;
                                 }
                               }},
                    message.as_variant());
}

}  // namespace

void Judge::hostile_speaks(int owner, const std::string& call_id) { named_by_.emplace(call_id, owner); }

// --- relays

void Judge::does(SimRelay& relay, const relay::Action& action) {
  if (world_.tracing()) trace(relay.name(), describe(action));
  const auto* send = std::get_if<relay::Send>(&action);
  if (send == nullptr || !relay.knows(send->conn)) return;
  ++seen_.signals;
  if (relay.class_of(send->conn) == proto::ConnectionClass::Federation) {
    const auto forward = test::unwrap(send->message);
    auto* to = world_.relay_of(relay.endpoint().peer_owner(send->conn));
    if (forward && to != nullptr) to_relay(relay, *to, forward->inner);
  } else {
    to_client(relay, send->conn, send->message);
  }
}

void Judge::to_client(SimRelay& relay, ConnectionId conn, const proto::SignalMessage& message) {
  const auto owner = relay.endpoint().peer_owner(conn);
  if (owner == 0) return;  // nobody hears it
  if (std::holds_alternative<proto::RoomUpdate>(message) || std::holds_alternative<proto::CallAnswer>(message)) {
    const auto id = proto::call_of_room(relay.server_name_of(conn));
    const auto* truth = id ? find(*id) : nullptr;
    const auto* phone = world_.phone_of(owner);
    demand(truth != nullptr && phone != nullptr && (phone->who() == truth->caller || phone->who() == truth->callee),
           relay.name() + " admits somebody to a room who is not party to its call");
    return;
  }
  demand(!std::holds_alternative<proto::FederatedSignalForward>(message), relay.name() + " sends an envelope to a client");
  const auto* hangup = std::get_if<proto::Hangup>(&message);
  demand(hangup == nullptr || hangup->call_id, relay.name() + " sends a hang-up that names no call");
  if (const auto id = call_of(message)) check_recipient(relay, owner, *id, message);
}

void Judge::check_recipient(SimRelay& relay, int owner, const std::string& call_id, const proto::SignalMessage& message) {
  auto* truth = find(call_id);
  if (truth == nullptr || named_by_.contains({call_id, owner})) {
    // Somebody who made the id up, or used another's, may be told that it does not work, and nothing else.
    const bool refusal = std::holds_alternative<proto::Hangup>(message) || std::holds_alternative<proto::CallRinging>(message);
    demand(world_.phone_of(owner) != nullptr || refusal, relay.name() + " sends a stranger " + describe(message));
    return;
  }
  // At a relay that does not know the call, its id may be given away once more, to somebody who made it up as well.
  if (const auto record = relay.core().call(truth->id); record && hostile_.contains(record->caller)) return;
  const auto* phone = world_.phone_of(owner);
  demand(phone != nullptr, relay.name() + " tells a stranger of a call: " + describe(message));
  const bool is_caller = phone->who() == truth->caller;
  const bool is_callee = phone->who() == truth->callee;
  demand(is_caller || is_callee, relay.name() + " tells " + phone->name() + " of a call of others: " + describe(message));
  std::visit(overloaded{
                 [&](const proto::DirectCallOffer& m) {
                   demand(is_callee, "an offer reaches its own caller");
                   demand(!has_addresses(m), relay.name() + " shows the callee the caller's addresses before consent");
                   demand(m.caller_fingerprint == to_string(truth->caller), "an offer names the wrong caller");
                 },
                 [&](const proto::DirectCallAnswer& m) {
                   demand(is_caller, "an answer reaches the callee");
                   demand(m.accept_mode == proto::CallAcceptMode::AcceptTrusted || !has_addresses(m),
                          relay.name() + " shows the callee's addresses without consent");
                   demand(truth->accepted.has_value(), "an answer comes before anybody answered");
                   if (is_accepting(m)) on_answer_for_caller(relay, *truth, m);
                 },
                 [&](const proto::CallRinging&) { demand(is_caller, "ringing is told to the callee"); },
                 [&](const proto::CallSetup& m) {
                   demand(truth->accepted.has_value(), "a call is set up before anybody answered");
                   demand(!has_addresses(m) || truth->mode == proto::CallAcceptMode::AcceptTrusted,
                          relay.name() + " sets a private call up with addresses");
                 },
                 [](const auto&) {},
             },
             message.as_variant());
}

void Judge::to_relay(SimRelay& from, SimRelay& to, const proto::SignalMessage& inner) {
  const auto id = call_of(inner);
  demand(id.has_value(), from.name() + " forwards a message that names no call: " + describe(inner));
  const std::pair key{*id, std::pair{std::min(from.owner(), to.owner()), std::max(from.owner(), to.owner())}};
  const auto* truth = find(*id);
  if (const auto* offer = std::get_if<proto::DirectCallOffer>(&inner)) {
    offered_between_.insert(key);
    if (!has_addresses(*offer) || truth == nullptr) return;
    // design.md 3.17: after the claim, or at once to a single relay.
    const auto record = from.core().call(truth->id);
    const auto* outgoing = record ? std::get_if<registry::Outgoing>(&record->route) : nullptr;
    demand(outgoing != nullptr && (outgoing->claimed_by == to.config().fingerprint || outgoing->asked.size() == 1),
           from.name() + " shows " + to.name() + " the caller's addresses before it claimed the call");
    return;
  }
  demand(offered_between_.contains(key), from.name() + " tells " + to.name() + " of a call that was never offered there: " + describe(inner));
  const auto* answer = std::get_if<proto::DirectCallAnswer>(&inner);
  demand(answer == nullptr || answer->accept_mode == proto::CallAcceptMode::AcceptTrusted || !has_addresses(*answer),
         from.name() + " shows " + to.name() + " the callee's addresses without consent");
}

// --- phones

void Judge::does(SimPhone& phone, const client::Action& action) {
  if (world_.tracing()) trace(phone.name(), describe(action));
  std::visit(overloaded{
                 [&](const client::SendSignal& a) { on_phone_signal(phone, a.message); },
                 [&](const client::DialDirect& a) { check_direct(phone, a.address); },
                 [&](const client::Punch& a) { check_direct(phone, a.address); },
                 [&](const client::MediaStart& a) { on_keys(phone, a); },
                 [](const auto&) {},
             },
             action);
}

void Judge::on_phone_signal(SimPhone& phone, const proto::SignalMessage& message) {
  if (const auto* offer = std::get_if<proto::DirectCallOffer>(&message)) {
    demand(!phone.setup().relay_only || !has_addresses(*offer), phone.name() + " shows its addresses although it must not");
    demand(!offer->signature.empty(), phone.name() + " offers without a signature");
  }
  const auto* answer = std::get_if<proto::DirectCallAnswer>(&message);
  if (answer == nullptr) return;
  const bool trusted = answer->accept_mode == proto::CallAcceptMode::AcceptTrusted;
  demand(trusted || !has_addresses(*answer), phone.name() + " shows its addresses without consent");
  auto* truth = find(answer->call_id);
  if (truth == nullptr || !is_accepting(*answer)) return;
  demand(phone.who() == truth->callee, phone.name() + " answers a call to somebody else");
  if (!truth->accepted) truth->accepted = world_.queue().now();
  if (!truth->mode || trusted) truth->mode = answer->accept_mode;
  auto* part = part_of(*truth, phone);
  demand(part != nullptr && part != &truth->parts.front(), phone.name() + " answers a call that does not ring there");
  demand(!part->answer || part->answer == answer->ephemeral_pub, phone.name() + " answers one call twice");
  part->answer = answer->ephemeral_pub;
}

/// The caller's relay has decided who has the call.
void Judge::on_answer_for_caller(SimRelay& relay, CallTruth& truth, const proto::DirectCallAnswer& answer) {
  const auto gave_it = std::find_if(truth.parts.begin() + 1, truth.parts.end(), [&](const Part& p) { return p.answer && p.answer == answer.ephemeral_pub; });
  demand(gave_it != truth.parts.end(), relay.name() + " passes on an answer that nobody gave");
  const auto which = static_cast<std::size_t>(gave_it - truth.parts.begin());
  demand(!truth.taken || truth.taken == which, relay.name() + " tells the caller that a second phone answered");
  truth.taken = which;
}

void Judge::check_direct(SimPhone& phone, const SocketAddress& to) {
  auto* truth = find(phone.core().call_id());
  demand(truth != nullptr, phone.name() + " knocks at " + to_string(to) + " outside of any call");
  demand(truth->mode == proto::CallAcceptMode::AcceptTrusted, phone.name() + " knocks at " + to_string(to) + " in a private call");
  demand(!phone.setup().relay_only, phone.name() + " knocks at " + to_string(to) + " although it must not");
  const bool known = std::any_of(world_.phones().begin(), world_.phones().end(), [&](const auto& other) {
    if (other.get() == &phone || (other->who() != truth->caller && other->who() != truth->callee)) return false;
    return world_.net().address(other->host()) == to.ip || world_.net().public_address(world_.net().site_of(other->host())) == to.ip;
  });
  demand(known, phone.name() + " knocks at " + to_string(to) + ", which is not the other side");
}

void Judge::on_keys(SimPhone& phone, const client::MediaStart& start) {
  auto* truth = find(start.call);
  auto* part = truth != nullptr ? part_of(*truth, phone) : nullptr;
  demand(part != nullptr && part->is_in, phone.name() + " starts media of a call that it is not in");
  demand(start.keys.has_value(), phone.name() + " starts a call between our phones unsealed");
  demand(!part->keys, phone.name() + " starts the media of one call twice");
  part->keys = start.keys;
  part->role = start.role;
  demand((start.role == crypto::CallRole::Caller) == (phone.who() == truth->caller), phone.name() + " has the wrong role");
  const auto& caller = truth->parts.front();
  if (!caller.keys) return;
  demand(truth->taken.has_value(), phone.name() + " starts media before anybody answered");
  for (std::size_t i = 1; i < truth->parts.size(); ++i) {
    if (!truth->parts[i].keys) continue;
    const bool same = *truth->parts[i].keys == *caller.keys;
    demand(same || i != *truth->taken, "the two sides of a call have different keys");
    demand(!same || i == *truth->taken, "a phone whose answer was not taken has the keys of the call");
  }
}

}  // namespace wzp::sim
