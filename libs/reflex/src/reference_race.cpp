#include "wzp/reflex/reference_race.hpp"

#include <algorithm>
#include <utility>

#include "wzp/base/overloaded.hpp"

namespace wzp::reflex {

RaceActions ReferenceRace::start(std::vector<SocketAddress> candidates, Instant now) {
  RaceActions out;
  started_ = true;
  if (!config_.role || candidates.empty()) {
    report(false, now, out);
    return out;
  }
  direct_due_ = now + config_.direct_timeout;
  if (*config_.role == Role::Dialer) {
    for (const auto& remote : candidates) out.push_back(Dial{remote});
    dialling_ = std::move(candidates);
  } else {
    punching_ = std::move(candidates);
    next_punch_ = now;
    const auto punches = tick(now);
    out.insert(out.end(), punches.begin(), punches.end());
  }
  if (const auto early = std::exchange(direct_, std::nullopt)) up(*early, now, out);
  return out;
}

RaceActions ReferenceRace::handle(const RaceEvent& event, Instant now) {
  RaceActions out;
  std::visit(overloaded{
                 [&](const Dialled& e) {
                   std::erase(dialling_, e.remote);
                   up(e.conn, now, out);
                 },
                 [&](const DialFailed& e) {
                   std::erase(dialling_, e.remote);
                   if (dialling_.empty() && config_.role == Role::Dialer && !direct_ && !mine_) report(false, now, out);
                 },
                 [&](const Accepted& e) { up(e.conn, now, out); },
                 [&](const PeerReport& e) {
                   if (theirs_) return;
                   theirs_ = e.direct_ok;
                   if (mine_ && !decided_) settle(*mine_ && *theirs_, out);
                 },
                 [&](const Gone& e) {
                   if (direct_ != e.conn) return;
                   direct_.reset();
                   if (started_ && mine_ && !decided_) settle(false, out);
                 },
                 [](const auto&) {},
             },
             event);
  return out;
}

RaceActions ReferenceRace::tick(Instant now) {
  RaceActions out;
  while (next_punch_ && now >= *next_punch_) {
    for (const auto& remote : punching_) out.push_back(Punch{remote});
    *next_punch_ += config_.punch_interval;
  }
  if (direct_due_ && now >= *direct_due_) report(false, now, out);
  if (report_due_ && now >= *report_due_) settle(false, out);
  return out;
}

std::optional<Instant> ReferenceRace::deadline() const {
  return earliest(earliest(direct_due_, report_due_), next_punch_);
}

RaceActions ReferenceRace::cancel_dials() {
  RaceActions out;
  for (const auto& remote : std::exchange(dialling_, {})) out.push_back(CancelDial{remote});
  next_punch_.reset();
  direct_due_.reset();
  return out;
}

std::vector<ConnectionId> ReferenceRace::validated() const {
  if (!direct_) return {};
  return {*direct_};
}

void ReferenceRace::up(ConnectionId conn, Instant now, RaceActions& out) {
  if (direct_ || mine_) return out.push_back(ClosePath{conn, CloseWhy::NotSelected});
  direct_ = conn;
  if (started_) report(true, now, out);
}

void ReferenceRace::report(bool direct_ok, Instant now, RaceActions& out) {
  mine_ = direct_ok;
  const auto cancelled = cancel_dials();
  out.insert(out.end(), cancelled.begin(), cancelled.end());
  out.push_back(SendReport{direct_ok});
  if (!direct_ok || theirs_) return settle(direct_ok && *theirs_, out);
  report_due_ = now + config_.report_timeout;
}

void ReferenceRace::settle(bool use_direct, RaceActions& out) {
  report_due_.reset();
  decided_ = true;
  if (use_direct && direct_) return out.push_back(UseDirect{*direct_});
  if (const auto unused = std::exchange(direct_, std::nullopt)) {
    out.push_back(ClosePath{*unused, CloseWhy::NotSelected});
  }
  out.push_back(UseRelay{});
}

}  // namespace wzp::reflex
