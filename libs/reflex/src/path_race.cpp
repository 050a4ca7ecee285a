#include "wzp/reflex/path_race.hpp"

#include <algorithm>
#include <array>

#include "wzp/base/overloaded.hpp"

namespace wzp::reflex {
namespace {

using std::chrono::milliseconds;

/// When a candidate is punched, counted from its first check. Source: client.md 19.3.
constexpr std::array<Duration, 5> kPunchTimes{milliseconds{0}, milliseconds{100}, milliseconds{200}, milliseconds{400},
                                              milliseconds{800}};
/// Source: crypto.md 8.
constexpr int kProbes = 3;

}  // namespace

RaceActions PathRace::start(std::vector<SocketAddress> candidates, Instant now) {
  if (selected_) return {};  // agreed before we began
  auto begins = now;
  for (auto& remote : candidates) {
    checks_.push_back({remote, begins, 0, false});
    begins += config_.check_interval;
  }
  search_end_ = now + config_.search;
  return tick(now);
}

RaceActions PathRace::handle(const RaceEvent& event, Instant now) {
  RaceActions out;
  std::visit(overloaded{
                 [&](const Dialled& e) {
                   for (auto& check : checks_) {
                     if (check.remote == e.remote) check.dialling = false;
                   }
                   add(e.conn, false, now, out);
                 },
                 [&](const DialFailed& e) {
                   for (auto& check : checks_) {
                     if (check.remote == e.remote) check.dialling = false;
                   }
                 },
                 [&](const Accepted& e) { add(e.conn, true, now, out); },
                 [&](const HelloChecked& e) { hello(e, now, out); },
                 [&](const ProbeAcked& e) { acked(e.conn, now, out); },
                 [&](const Nominated& e) { nominated(e.conn, now, out); },
                 [&](const Confirmed& e) { confirmed(e.conn, out); },
                 [&](const PeerReport&) {},
                 [&](const Gone& e) { gone(e.conn, now, out); },
             },
             event);
  return out;
}

RaceActions PathRace::tick(Instant now) {
  RaceActions out;
  run_checks(now, out);
  run_paths(now, out);
  if (confirm_due_ && now >= *confirm_due_) nominate_next(now, out);
  if (search_end_ && now >= *search_end_) give_up(out);
  return out;
}

std::optional<Instant> PathRace::deadline() const {
  auto due = earliest(confirm_due_, search_end_);
  for (const auto& check : checks_) due = earliest(due, next_punch(check));
  for (const auto& path : paths_) {
    if (!path.checked) due = earliest(due, path.hello_due);
    if (path.checked && !path.acked && path.probes < kProbes) due = earliest(due, path.next_probe);
  }
  return due;
}

RaceActions PathRace::cancel_dials() {
  RaceActions out;
  stop_checks(out);
  return out;
}

std::vector<ConnectionId> PathRace::validated() const {
  std::vector<ConnectionId> out;
  for (const auto& path : paths_) {
    if (path.validated()) out.push_back(path.conn);
  }
  return out;
}

void PathRace::add(ConnectionId conn, bool accepted, Instant now, RaceActions& out) {
  if (find(conn)) return;
  if (over_ || (config_.caller && selected_)) return out.push_back(ClosePath{conn, CloseWhy::NotSelected});
  if (paths_.size() >= kMaxConnections || (accepted && unchecked() >= kMaxUnchecked)) {
    return out.push_back(ClosePath{conn, CloseWhy::Limit});
  }
  Path path;
  path.conn = conn;
  path.accepted = accepted;
  path.hello_due = now + config_.hello_timeout;
  paths_.push_back(path);
  if (!accepted) out.push_back(SendHello{conn});
}

void PathRace::hello(const HelloChecked& event, Instant now, RaceActions& out) {
  const auto* path = find(event.conn);
  if (!path || path->checked) return;
  if (!event.good) {
    out.push_back(ClosePath{event.conn, CloseWhy::BadProof});
    return gone(event.conn, now, out);
  }
  auto* checked = find(event.conn);
  checked->checked = true;
  if (checked->accepted) out.push_back(SendHello{event.conn});
  checked->next_probe = now;
  run_paths(now, out);
}

void PathRace::acked(ConnectionId conn, Instant now, RaceActions& out) {
  const auto it = std::find_if(paths_.begin(), paths_.end(), [&](const Path& p) { return p.conn == conn; });
  if (it == paths_.end() || !it->checked || it->acked) return;
  it->acked = true;
  // Behind the others that are validated: nominations go in this order.
  const auto place = std::find_if(paths_.begin(), paths_.end(), [](const Path& p) { return !p.acked; });
  if (place < it) std::rotate(place, it, it + 1);
  auto& path = *find(conn);
  if (!config_.caller) {
    if (path.nominated) confirm(path, out);
  } else if (!selected_ && !confirm_due_) {
    nominate_next(now, out);
  }
}

void PathRace::nominated(ConnectionId conn, Instant, RaceActions& out) {
  auto* path = find(conn);
  if (config_.caller || !path || !path->checked) return;
  path->nominated = true;
  if (path->validated()) confirm(*path, out);
}

void PathRace::confirm(Path& path, RaceActions& out) {
  if (path.confirmed) return;
  path.confirmed = true;
  selected_ = path.conn;
  search_end_.reset();
  stop_checks(out);
  out.push_back(SendConfirm{path.conn});
  out.push_back(UseDirect{path.conn});
}

void PathRace::confirmed(ConnectionId conn, RaceActions& out) {
  auto* path = find(conn);
  if (!config_.caller || selected_ || !path || !path->nominated) return;
  path->confirmed = true;
  selected_ = conn;
  search_end_.reset();
  confirm_due_.reset();
  stop_checks(out);
  out.push_back(UseDirect{conn});
  close_others(conn, out);
}

void PathRace::gone(ConnectionId conn, Instant now, RaceActions& out) {
  const auto it = std::find_if(paths_.begin(), paths_.end(), [&](const Path& p) { return p.conn == conn; });
  if (it == paths_.end()) return;
  const bool awaited = confirm_due_ && it->nominated;
  paths_.erase(it);
  if (selected_ == conn) {
    selected_.reset();
    // The callee may have confirmed an earlier nomination that the caller then chose.
    const auto other = std::find_if(paths_.rbegin(), paths_.rend(), [](const Path& p) { return p.confirmed; });
    if (other != paths_.rend()) {
      selected_ = other->conn;
      return out.push_back(UseDirect{other->conn});
    }
    over_ = config_.caller;
    return out.push_back(UseRelay{});
  }
  if (awaited && std::none_of(paths_.begin(), paths_.end(), [](const Path& p) { return p.nominated; })) {
    nominate_next(now, out);
  }
}

void PathRace::nominate_next(Instant now, RaceActions& out) {
  confirm_due_.reset();
  if (!config_.caller || selected_) return;
  for (auto& path : paths_) {
    if (!path.validated() || path.nominated) continue;
    path.nominated = true;
    confirm_due_ = now + config_.confirm_timeout;
    return out.push_back(SendNominate{path.conn});
  }
}

void PathRace::run_checks(Instant now, RaceActions& out) {
  for (auto& check : checks_) {
    for (auto due = next_punch(check); due && now >= *due; due = next_punch(check)) {
      out.push_back(Punch{check.remote});
      if (check.punches++ == 0) {
        check.dialling = true;
        out.push_back(Dial{check.remote});
      }
    }
  }
}

void PathRace::run_paths(Instant now, RaceActions& out) {
  std::vector<ConnectionId> silent;
  for (auto& path : paths_) {
    if (!path.checked) {
      if (now >= path.hello_due) silent.push_back(path.conn);
    } else if (!path.acked && path.probes < kProbes && now >= path.next_probe) {
      ++path.probes;
      path.next_probe = now + config_.probe_interval;
      out.push_back(SendProbe{path.conn});
    }
  }
  for (const auto conn : silent) {
    out.push_back(ClosePath{conn, CloseWhy::BadProof});
    gone(conn, now, out);
  }
}

void PathRace::give_up(RaceActions& out) {
  search_end_.reset();
  confirm_due_.reset();
  over_ = true;
  stop_checks(out);
  for (const auto& path : paths_) out.push_back(ClosePath{path.conn, CloseWhy::NotSelected});
  paths_.clear();
  out.push_back(UseRelay{});
}

void PathRace::stop_checks(RaceActions& out) {
  for (const auto& check : checks_) {
    if (check.dialling) out.push_back(CancelDial{check.remote});
  }
  checks_.clear();
}

void PathRace::close_others(ConnectionId keep, RaceActions& out) {
  for (const auto& path : paths_) {
    if (path.conn != keep) out.push_back(ClosePath{path.conn, CloseWhy::NotSelected});
  }
  std::erase_if(paths_, [&](const Path& p) { return p.conn != keep; });
}

PathRace::Path* PathRace::find(ConnectionId conn) {
  const auto it = std::find_if(paths_.begin(), paths_.end(), [&](const Path& p) { return p.conn == conn; });
  return it == paths_.end() ? nullptr : &*it;
}

std::size_t PathRace::unchecked() const {
  return static_cast<std::size_t>(
      std::count_if(paths_.begin(), paths_.end(), [](const Path& p) { return p.accepted && !p.checked; }));
}

std::optional<Instant> PathRace::next_punch(const Check& check) const {
  if (check.punches >= kPunchTimes.size()) return std::nullopt;
  return check.begins + kPunchTimes[check.punches];
}

}  // namespace wzp::reflex
