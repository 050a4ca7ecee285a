#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mesh.hpp"
#include "sim_random.hpp"

using namespace std::chrono_literals;

// How long it takes, after the relays beside a break have noticed it, until everything is right again: the real cores and
// packet path on simulated links of 0 to 20 ms. Prints the figures; `test-relay "[figures]"`.

namespace wzp::test {
namespace {

constexpr Duration kStep = 1ms;
constexpr Duration kPatience = 3s;

struct Times {
  std::string what;
  std::vector<Duration> all{};

  [[nodiscard]] double at(double share) {
    std::ranges::sort(all);
    const auto index = static_cast<std::size_t>(share * static_cast<double>(all.size() - 1));
    return std::chrono::duration<double, std::milli>(all[index]).count();
  }
};

/// Relays in a ring, or each linked to each; a call and a room between the first and another one.
struct Scene {
  Scene(int relays, const Mesh::Links& links, int far_end, Duration delay)
      : mesh{relays, links, [](relay::Config& c) { c.global_rooms = {"general"}; }}, far{std::size_t(far_end)} {
    mesh.bench.link_delay = delay;
    mesh.bench.run_for(2s);
    alice = std::make_unique<Phone>(mesh.bench, 0, std::uint8_t{10});
    bob = std::make_unique<Phone>(mesh.bench, far, std::uint8_t{20});
    ada = std::make_unique<Member>(mesh.bench, 0, std::uint8_t{100}, "general");
    bert = std::make_unique<Member>(mesh.bench, far, std::uint8_t{110}, "general");
    mesh.bench.run_for(1s);
    alice->send(alice->offer(bob->fp(), "c1"));
    mesh.bench.run_for(500ms);
    const auto offer = bob->take<proto::DirectCallOffer>();
    REQUIRE(offer);
    bob->send(bob->rings(*offer));
    bob->send(bob->accept("c1"));
    mesh.bench.run_for(1s);
    caller_seat = &alice->join("c1");
    callee_seat = &bob->join("c1");
    mesh.bench.run_for(500ms);
    clear();
  }

  void clear() {
    heard(*callee_seat);
    heard(bert->end());
  }
  /// Until it is so; one packet of the call and one of the room go out each step.
  template <class F>
  Duration wait(F&& is_so) {
    Duration waited{};
    for (; waited < kPatience && !is_so(); waited += kStep) {
      ++number;
      mesh.bench.send_media(*caller_seat, speech(1, number));
      ada->say(number);
      mesh.bench.run_for(kStep);
    }
    return waited;
  }

  /// Until the call is heard, and until the room is, each by itself.
  std::pair<Duration, Duration> wait_for_both() {
    std::optional<Duration> of_call, of_room;
    Duration waited{};
    (void)wait([&] {
      if (!of_call && !heard(*callee_seat).empty()) of_call = waited;
      if (!of_room && !heard(bert->end()).empty()) of_room = waited;
      waited += kStep;
      return of_call && of_room;
    });
    return {of_call.value_or(kPatience), of_room.value_or(kPatience)};
  }

  Mesh mesh;
  std::size_t far;
  std::unique_ptr<Phone> alice, bob;
  std::unique_ptr<Member> ada, bert;
  FarEnd* caller_seat = nullptr;
  FarEnd* callee_seat = nullptr;
  std::uint16_t number = 0;
};

}  // namespace

TEST_CASE("after a break that is noticed everything is right within a second", "[relay][route][room][sim][figures]") {
  Times call{"audio of a call on another route"}, room{"audio of a room on another tree"},
      gone{"members of a dead relay gone from the lists"};
  sim::Random random{1};
  for (int i = 0; i < 60; ++i) {
    const bool is_ring = random.chance(0.5);
    const int relays = 4 + int(random.below(5));
    const int far = is_ring ? 1 + int(random.below(3)) : 1 + int(random.below(std::uint64_t(relays - 1)));
    const auto delay = std::chrono::milliseconds{random.below(21)};
    INFO(relays << " relays, " << (is_ring ? "ring" : "full mesh") << ", to " << far << ", " << delay.count() << " ms");
    Scene scene{relays, is_ring ? Mesh::ring(relays) : Mesh::full(relays), far, delay};
    const auto next = scene.mesh.call(0, "c1")->relay_toward(registry::Role::Callee);
    std::size_t hop = 1;
    while (scene.mesh.bench.fp(hop) != next) ++hop;
    scene.mesh.bench.cut(0, hop);
    scene.clear();
    const auto [of_call, of_room] = scene.wait_for_both();
    call.all.push_back(of_call);
    room.all.push_back(of_room);
    CHECK(scene.ada->listed().size() == 2);
    // The relay of Bob and Bert dies; its neighbours notice at once.
    for (std::size_t other = 0; other < std::size_t(relays); ++other) {
      if (other != scene.far) scene.mesh.bench.cut(other, scene.far);
    }
    gone.all.push_back(scene.wait([&] { return scene.ada->listed().size() == 1; }));
  }
  for (auto* times : {&call, &room, &gone}) {
    WARN(times->what << ": p50 " << times->at(0.5) << " ms, p90 " << times->at(0.9) << " ms, longest " << times->at(1)
                     << " ms, of " << times->all.size());
    CHECK(times->at(1) <= 1000);
  }
}

}  // namespace wzp::test
