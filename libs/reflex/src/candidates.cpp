#include "wzp/reflex/candidates.hpp"

#include <algorithm>

namespace wzp::reflex {
namespace {

/// Higher is better. Source: client.md 19.4; loopback stands last, it is for tests on one machine.
int priority(const IpAddress& ip) {
  if (ip.is_loopback()) return 110;
  if (!ip.is_v4()) return 130;
  return ip.is_private() || ip.is_shared() ? 126 : 125;
}

bool could_be_a_phone(const SocketAddress& a, bool loopback_allowed) {
  if (a.port == 0 || a.ip.is_unspecified() || a.ip.is_link_local()) return false;
  if (a.ip.is_multicast_or_broadcast() || a.ip.is_documentation()) return false;
  return loopback_allowed || !a.ip.is_loopback();
}

bool contains(std::span<const SocketAddress> list, const SocketAddress& a) {
  return std::find(list.begin(), list.end(), a) != list.end();
}

void order_by_priority(std::vector<SocketAddress>& list) {
  std::stable_sort(list.begin(), list.end(),
                   [](const auto& a, const auto& b) { return priority(a.ip) > priority(b.ip); });
}

bool dialable(const SocketAddress& a, const Surroundings& s) {
  return could_be_a_phone(a, s.relay.ip.is_loopback()) && a.port >= kFirstClientPort && a != s.relay &&
         !contains(s.own, a) && (a.ip.is_v4() ? s.v4 : s.v6);
}

}  // namespace

std::vector<SocketAddress> host_candidates(std::span<const SocketAddress> interfaces, const SocketAddress& relay) {
  std::vector<SocketAddress> out;
  for (const auto& a : interfaces) {
    if (could_be_a_phone(a, relay.ip.is_loopback()) && !contains(out, a)) out.push_back(a);
  }
  order_by_priority(out);
  if (out.size() > kMaxCandidates - 1) out.resize(kMaxCandidates - 1);
  return out;
}

std::vector<SocketAddress> dial_candidates(std::span<const std::string> local_addrs,
                                           const std::optional<std::string>& reflexive,
                                           const Surroundings& surroundings) {
  std::optional<SocketAddress> last;
  if (reflexive) last = SocketAddress::parse(*reflexive);
  if (last && !dialable(*last, surroundings)) last.reset();
  const std::size_t room = kMaxCandidates - (last ? 1 : 0);
  std::vector<SocketAddress> out;
  for (const auto& text : local_addrs) {
    if (out.size() == room) break;
    const auto a = SocketAddress::parse(text);
    if (a && a != last && dialable(*a, surroundings) && !contains(out, *a)) out.push_back(*a);
  }
  order_by_priority(out);
  if (last) out.push_back(*last);
  return out;
}

}  // namespace wzp::reflex
