#include "media_plan.hpp"

#include <algorithm>
#include <utility>

namespace wzp::client {
namespace {

void add_once(std::vector<ConnectionId>& list, ConnectionId conn) {
  if (std::find(list.begin(), list.end(), conn) == list.end()) list.push_back(conn);
}

}  // namespace

void MediaPlan::select(ConnectionId conn, Instant overlap_end) {
  if (selected_ == conn) return;
  before_ = selected_ ? selected_ : relay_;
  selected_ = conn;
  overlap_end_.reset();
  if (before_) overlap_end_ = overlap_end;
}

void MediaPlan::deselect() {
  selected_.reset();
  before_.reset();
  overlap_end_.reset();
}

void MediaPlan::publish(const Context& ctx) {
  if (overlap_end_ && ctx.now >= *overlap_end_) {
    overlap_end_.reset();
    before_.reset();
  }
  MediaPaths paths;
  for (const auto conn : validated_) add_once(paths.accept_from, conn);
  if (selected_) add_once(paths.accept_from, *selected_);
  if (relay_) add_once(paths.accept_from, *relay_);
  const auto open = [&](ConnectionId c) {
    return std::find(paths.accept_from.begin(), paths.accept_from.end(), c) != paths.accept_from.end();
  };
  if (selected_) {
    paths.send_on.push_back(*selected_);
    if (before_ && open(*before_)) add_once(paths.send_on, *before_);
  } else if (relay_) {
    paths.send_on.push_back(*relay_);
  }
  if (paths == said_) return;
  said_ = paths;
  ctx.add(std::move(paths));
}

}  // namespace wzp::client
