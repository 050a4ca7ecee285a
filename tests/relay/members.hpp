#pragma once

#include <initializer_list>
#include <set>
#include <string>
#include <vector>

#include "mesh.hpp"

// Members of rooms on many relays.

namespace wzp::test {

inline const Tweak kGeneral = [](relay::Config& c) { c.global_rooms = {"general"}; };

inline std::set<std::string> names(std::initializer_list<const Member*> members) {
  std::set<std::string> out;
  for (const auto* m : members) out.insert(m->text());
  return out;
}

/// A member on each relay.
inline std::vector<Member> one_each(Mesh& mesh, int relays, const std::string& room = "general") {
  std::vector<Member> members;
  for (int r = 0; r < relays; ++r) members.emplace_back(mesh.bench, std::size_t(r), std::uint8_t(100 + r), room);
  mesh.bench.run_for(std::chrono::seconds{1});
  for (auto& m : members) m.end().media.clear();
  return members;
}

}  // namespace wzp::test
