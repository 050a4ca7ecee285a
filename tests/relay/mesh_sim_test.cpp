#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <memory>
#include <optional>
#include <queue>
#include <sstream>
#include <stdexcept>

#include "envelopes.hpp"
#include "mesh.hpp"
#include "sim_random.hpp"

using namespace std::chrono_literals;

// Relays of every shape, with calls and a room across them, while links break and heal and relays in the middle die. The
// real cores and the real packet path; the network between them is simulated. After each trouble and one second, every
// packet has to reach exactly whom it is for, once, as far as there is a way at all, and nobody else.
//
// WZP_MESH_SEEDS=n runs n seeds (default 60; the nightly preset 10,000), WZP_MESH_SEED=n replays one and tells its story.

namespace wzp::test {
namespace {

using sim::Random;

/// After this, everything that follows from a change of the links must be in place: 1 s, and what the links take to
/// greet each other.
constexpr Duration kConverges = 1100ms;
constexpr Duration kLook = 20ms;
constexpr Duration kPatience = 400s;  ///< dialling backs off

struct Broken : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Seen {
  std::uint64_t probes = 0;
  std::uint64_t delivered = 0;
  std::uint64_t reroutes = 0;
  std::uint64_t partitions = 0;
  std::uint64_t calls = 0;
  std::uint64_t moves = 0;
  std::uint64_t restarts = 0;
  double quietest = 0;  ///< the most that was said while nothing happened, as a share of what may be said
};

class MeshStory {
 public:
  MeshStory(std::uint64_t seed, bool tell, Seen& seen) : random_{seed}, tell_{tell}, seen_{seen} {}

  void run() {
    build();
    const int rounds = int(random_.below(4)) + 2;
    for (int i = 0; i < rounds; ++i) {
      trouble();
      probe();
    }
    heal_all();
    probe();
    stay_quiet();
    end_calls();
  }

  std::string links_of(int relay) {
    std::string out = "general goes to";
    for (const auto& link : mesh_->bench.core(std::size_t(relay)).room_links("general"))
      out += " " + std::to_string(index_of(link));
    return out;
  }
  std::size_t index_of(const RelayFingerprint& fp) {
    std::size_t i = 0;
    while (i < std::size_t(relays_) && mesh_->bench.fp(i) != fp) ++i;
    return i;
  }
  void tell_drops() {
    for (auto& [relay, member] : members_) {
      std::printf("member %d on relay %d lists %zu\n", member->name(), relay, member->listed().size());
    }
    for (int r = 0; r < relays_; ++r) std::printf("relay %d: %s\n", r, links_of(r).c_str());
    for (const auto& [relay, message] : mesh_->bench.between_relays) {
      const auto signal = unwrap(message);
      if (signal) std::printf("relay %zu sent %s\n", relay, proto::encode(message).substr(0, 900).c_str());
    }
    for (int r = 0; r < relays_; ++r) {
      for (const auto& call : calls_) {
        const auto known = mesh_->call(r, call.id);
        if (!known) continue;
        if (const auto* way = registry::onward(known->route)) {
          std::printf("relay %d: asked %zu, claimed %d\n", r, way->asked.size(),
                      way->claimed_by ? int(index_of(*way->claimed_by)) : -1);
        }
        std::printf("relay %d: %s is %s, %s, %zu seats\n", r, call.id.c_str(),
                    std::string{registry::name(known->state)}.c_str(),
                    std::string{registry::name(known->route)}.c_str(),
                    mesh_->bench.core(std::size_t(r)).seats("call-" + call.id).size());
      }
      for (const auto& [reason, count] : mesh_->bench.core(std::size_t(r)).counters().dropped) {
        std::printf("relay %d dropped %s: %llu\n", r, reason.c_str(), static_cast<unsigned long long>(count));
      }
      for (std::size_t i = 0; i < relay::kMediaDropReasons; ++i) {
        const auto reason = static_cast<relay::MediaDrop>(i);
        const auto count = mesh_->bench.media_drops(std::size_t(r))[reason];
        if (count > 0)
          std::printf("relay %d dropped media %s: %llu\n", r, std::string{name(reason)}.c_str(),
                      static_cast<unsigned long long>(count));
      }
    }
  }

 private:
  struct Call {
    std::string id;
    Phone* caller;
    Phone* callee;
    int from;
    int to;
    FarEnd* caller_seat = nullptr;
    FarEnd* callee_seat = nullptr;
  };

  [[noreturn]] void fail(const std::string& what) { throw Broken{what}; }
  void say(const std::string& what) {
    if (tell_)
      std::printf("%10.3f %s\n", std::chrono::duration<double>(mesh_->bench.now().time_since_epoch()).count() - 3600,
                  what.c_str());
  }

  // --- building

  void build() {
    relays_ = int(random_.below(8)) + 2;
    switch (random_.below(5)) {
      case 0: links_ = Mesh::line(relays_); break;
      case 1: links_ = relays_ > 2 ? Mesh::ring(relays_) : Mesh::line(relays_); break;
      case 2: links_ = Mesh::star(relays_); break;
      case 3: links_ = Mesh::full(relays_); break;
      default:
        for (int i = 1; i < relays_; ++i) links_.emplace_back(int(random_.below(std::uint64_t(i))), i);
        for (int i = 0; i < relays_; ++i) {
          const int a = int(random_.below(std::uint64_t(relays_)));
          const int b = int(random_.below(std::uint64_t(relays_)));
          if (a < b && std::ranges::find(links_, std::pair{a, b}) == links_.end()) links_.emplace_back(a, b);
        }
    }
    mesh_ = std::make_unique<Mesh>(relays_, links_, [](relay::Config& c) { c.global_rooms = {"general"}; });
    mesh_->bench.link_delay = std::chrono::milliseconds{random_.below(20)};
    std::string shape;
    for (const auto& [a, b] : links_) shape += " " + std::to_string(a) + "-" + std::to_string(b);
    say(std::to_string(relays_) + " relays:" + shape);
    const int members = int(random_.below(4));
    for (int i = 0; i < members; ++i) {
      const int relay = any_relay();
      members_.emplace_back(
          relay, std::make_unique<Member>(mesh_->bench, std::size_t(relay), std::uint8_t(100 + i), "general"));
      say("member " + std::to_string(100 + i) + " on " + std::to_string(relay));
      busy_.insert(relay);
    }
    const int calls = int(random_.below(3)) + 1;
    for (int i = 0; i < calls; ++i) place_call(i);
    mesh_->bench.on_link_media = [this](std::size_t relay, ByteView datagram) { watch(int(relay), datagram); };
  }

  int any_relay() { return int(random_.below(std::uint64_t(relays_))); }

  void place_call(int number) {
    const int from = any_relay();
    const int to = any_relay();
    const auto name = std::uint8_t(20 + 2 * number);
    auto caller = std::make_unique<Phone>(mesh_->bench, std::size_t(from), name);
    auto callee = std::make_unique<Phone>(mesh_->bench, std::size_t(to), std::uint8_t(name + 1));
    mesh_->bench.run_for(random_.chance(0.5) ? Duration{} : 500ms);
    Call call{"c" + std::to_string(number), caller.get(), callee.get(), from, to};
    phones_.push_back(std::move(caller));
    phones_.push_back(std::move(callee));
    call.caller->send(call.caller->offer(call.callee->fp(), call.id));
    mesh_->bench.run_for(4s);
    const auto offer = call.callee->take<proto::DirectCallOffer>();
    if (!offer) fail("the callee of " + call.id + " does not ring");
    if (!call.caller->take<proto::CallRinging>()) fail("the caller of " + call.id + " does not hear it ring");
    // Without the callee's word for it, an answer waits until everybody else has been asked, by each relay on the way.
    const bool proven = random_.chance(0.7);
    if (proven) call.callee->send(call.callee->rings(*offer));
    call.callee->send(call.callee->accept(call.id));
    mesh_->bench.run_for(proven ? 1500ms : 10s);
    if (!call.caller->take<proto::DirectCallAnswer>()) fail("no answer to " + call.id);
    for (auto* phone : {call.caller, call.callee}) {
      const auto setup = phone->take<proto::CallSetup>();
      if (!setup || !proto::has_cap(setup->caps, "relay-media")) fail("no set-up with relay media for " + call.id);
    }
    call.caller_seat = &call.caller->join(call.id);
    call.callee_seat = &call.callee->join(call.id);
    busy_.insert(from);
    busy_.insert(to);
    say(call.id + " from " + std::to_string(from) + " to " + std::to_string(to));
    calls_.push_back(call);
    ++seen_.calls;
  }

  // --- trouble

  void trouble() {
    switch (random_.below(5)) {
      case 0:
      case 1: return cut_one();
      case 2: return heal_one();
      case 3: return move_one();
      default: return restart_one();
    }
  }

  /// A member leaves and comes back somewhere else, sooner than relays say such things one by one.
  void move_one() {
    if (members_.empty()) return;
    auto& [relay, member] = members_[random_.below(members_.size())];
    const auto name = member->name();
    member->leave();
    mesh_->bench.run_for(std::chrono::milliseconds{random_.below(300)});
    relay = any_relay();
    member = std::make_unique<Member>(mesh_->bench, std::size_t(relay), name, "general");
    busy_.insert(relay);
    say("member " + std::to_string(name) + " moves to " + std::to_string(relay));
    ++seen_.moves;
    mesh_->bench.run_for(kConverges);
  }

  void cut_one() {
    if (links_.empty()) return;
    const auto link = links_[random_.below(links_.size())];
    if (!cut_.insert(link).second) return;
    say("cuts " + std::to_string(link.first) + "-" + std::to_string(link.second));
    mesh_->bench.cut(std::size_t(link.first), std::size_t(link.second));
    mesh_->bench.run_for(kConverges);
  }

  void heal_one() {
    if (cut_.empty()) return;
    const auto link = *cut_.begin();
    cut_.erase(cut_.begin());
    say("heals " + std::to_string(link.first) + "-" + std::to_string(link.second));
    mesh_->bench.heal(std::size_t(link.first), std::size_t(link.second));
    wait_for_links();
  }

  void restart_one() {
    std::vector<int> idle;
    for (int r = 0; r < relays_; ++r) {
      if (!busy_.contains(r)) idle.push_back(r);
    }
    if (idle.empty()) return;
    const int relay = idle[random_.below(idle.size())];
    say("restarts " + std::to_string(relay));
    mesh_->bench.restart(std::size_t(relay));
    ++seen_.restarts;
    // Some links may take longer to come back, since dialling backs off; nobody waits for them.
    do settle_links();
    while (!probe_while_links_last());
    wait_for_links();
  }

  bool is_up(std::pair<int, int> link) {
    return mesh_->bench.connections_between(std::size_t(link.first), std::size_t(link.second)) > 0;
  }
  std::set<std::pair<int, int>> links_up() {
    std::set<std::pair<int, int>> up;
    for (const auto& link : links_) {
      if (is_up(link)) up.insert(link);
    }
    return up;
  }

  /// Until no link has come or gone for as long as everything may take to be right again.
  void settle_links() {
    Duration quiet{};
    Duration waited{};
    for (auto before = links_up(); quiet < kConverges; quiet += kLook, waited += kLook) {
      if (waited > kPatience) fail("links come and go without end");
      mesh_->bench.run_for(kLook);
      auto now = links_up();
      if (now == before) continue;
      before = std::move(now);
      quiet = {};
    }
  }

  /// Dialling backs off; trouble that is over must not count.
  void wait_for_links() {
    const auto is_missing = [&](const auto& link) { return !cut_.contains(link) && !is_up(link); };
    const auto missing = [&] { return std::ranges::any_of(links_, is_missing); };
    for (Duration waited{}; missing(); waited += kLook) {
      if (waited > kPatience) fail("a link does not come back");
      mesh_->bench.run_for(kLook);
    }
    settle_links();
  }

  void heal_all() {
    while (!cut_.empty()) heal_one();
    wait_for_links();
  }

  // --- truth

  std::vector<int> distances(int from) {
    std::vector<int> out(std::size_t(relays_), -1);
    std::queue<int> next;
    next.push(from);
    out[std::size_t(from)] = 0;
    while (!next.empty()) {
      const int at = next.front();
      next.pop();
      for (const auto& [a, b] : links_) {
        if (a != at && b != at) continue;
        const int to = a == at ? b : a;
        if (out[std::size_t(to)] >= 0 || !is_up({a, b})) continue;
        out[std::size_t(to)] = out[std::size_t(at)] + 1;
        next.push(to);
      }
    }
    return out;
  }

  /// Nothing may reach a relay that has no part in it.
  /// Is at one end of the call, or on a way that it takes or has taken; whoever was merely asked is not.
  bool has_part(int relay, const std::string& id) {
    const auto known = mesh_->call(relay, id);
    return known && (known->is_here(registry::Role::Caller) || known->is_here(registry::Role::Callee) ||
                     known->relay_toward(registry::Role::Callee));
  }
  void watch(int relay, ByteView datagram) {
    ByteView rest = datagram.front() == proto::kTrunkMarker ? datagram.subspan(1) : ByteView{};
    if (rest.empty()) fail("a datagram between relays is no trunk frame");
    while (!rest.empty()) {
      const auto entry = proto::take_link_entry(rest);
      const auto tagged = entry ? proto::parse_tagged(*entry) : Result<proto::TaggedPacket>{entry.failure()};
      if (!tagged) fail("a datagram between relays cannot be read");
      if (tagged->tag.room == crypto::room_tag("general")) continue;
      bool known = false;
      for (const auto& call : calls_) {
        if (tagged->tag.room == crypto::room_tag("call-" + call.id)) known = has_part(relay, call.id);
      }
      if (!known) fail("relay " + std::to_string(relay) + " gets a packet of a call that it has no part in");
    }
  }

  // --- probing

  /// False when a link came or went meanwhile, so that nothing is shown.
  bool probe_while_links_last() {
    const auto before = links_up();
    try {
      probe();
    } catch (const Broken&) {
      if (links_up() == before) throw;
      return false;
    }
    return true;
  }

  void probe() {
    for (auto& [relay, member] : members_) member->end().media.clear();
    for (auto& call : calls_) {
      call.caller_seat->media.clear();
      call.callee_seat->media.clear();
    }
    const auto first = next_number_;
    for (int i = 0; i < 5; ++i, ++next_number_) {
      for (auto& [relay, member] : members_) member->say(next_number_);
      for (std::size_t c = 0; c < calls_.size(); ++c) {
        mesh_->bench.send_media(*calls_[c].caller_seat, speech(std::uint8_t(10 + 2 * c), next_number_));
        mesh_->bench.send_media(*calls_[c].callee_seat, speech(std::uint8_t(11 + 2 * c), next_number_));
      }
      mesh_->bench.run_for(20ms);
    }
    mesh_->bench.run_for(400ms);
    ++seen_.probes;
    for (auto& [relay, member] : members_) judge_member(relay, *member, first);
    for (std::size_t c = 0; c < calls_.size(); ++c) judge_call(calls_[c], c, first);
  }

  /// Nothing happens, and nothing is said but the slow refresh of what relays say about themselves: in 35 s a statement
  /// about neighbours and one about people (each 30 s), and four about the room (each 10 s), once over each link.
  void stay_quiet() {
    mesh_->bench.run_for(5s);
    mesh_->bench.between_relays.clear();
    mesh_->bench.run_for(35s);
    const auto said = mesh_->bench.between_relays.size();
    const auto most = (2 + 2 + 4) * std::size_t(relays_) * links_.size() * 2;
    seen_.quietest = std::max(seen_.quietest, double(said) / double(most));
    if (said > most) fail(std::to_string(said) + " messages between quiet relays");
  }

  void judge_member(int relay, Member& member, std::uint16_t first) {
    const auto way = distances(relay);
    auto got = heard(member.end());
    for (auto& [other_relay, other] : members_) {
      const bool expected = other.get() != &member && way[std::size_t(other_relay)] >= 0;
      for (int i = 0; i < 5; ++i) {
        const auto found = got.find({other->name(), first + i});
        const int times = found == got.end() ? 0 : found->second;
        const bool too_far = way[std::size_t(other_relay)] > proto::kMaxHops;
        if (times != (expected ? 1 : 0) && !too_far) {
          fail("member " + std::to_string(member.name()) + " hears packet " + std::to_string(i) + " of " +
               std::to_string(other->name()) + " " + std::to_string(times) + " times");
        }
        if (found != got.end()) got.erase(found);
        seen_.delivered += std::size_t(times);
      }
    }
    if (!got.empty()) fail("member " + std::to_string(member.name()) + " hears something strange");
    std::set<std::string> present;
    for (auto& [other_relay, other] : members_) {
      if (way[std::size_t(other_relay)] >= 0 && way[std::size_t(other_relay)] <= proto::kMaxHops)
        present.insert(other->text());
    }
    if (member.listed() != present) fail("the list of member " + std::to_string(member.name()) + " is wrong");
  }

  void judge_call(Call& call, std::size_t number, std::uint16_t first) {
    const int way = distances(call.from)[std::size_t(call.to)];
    if (way < 0) ++seen_.partitions;
    const bool expected = way >= 0 && way <= proto::kMaxHops;
    for (const bool at_callee : {true, false}) {
      const auto got = heard(at_callee ? *call.callee_seat : *call.caller_seat);
      const auto speaker = int(at_callee ? 10 + 2 * number : 11 + 2 * number);
      for (int i = 0; i < 5; ++i) {
        const auto found = got.find({speaker, first + i});
        const int times = found == got.end() ? 0 : found->second;
        if (times != (expected ? 1 : 0)) {
          fail(call.id + ": the " + (at_callee ? "callee" : "caller") + " hears packet " + std::to_string(i) + " " +
               std::to_string(times) + " times, " + std::to_string(way) + " links away");
        }
        seen_.delivered += std::size_t(times);
      }
      for (const auto& [what, times] : got) {
        if (what.first != speaker) fail(call.id + ": somebody hears a stranger");
      }
    }
  }

  void end_calls() {
    for (auto& call : calls_) {
      call.caller->forget();
      call.callee->forget();
      const bool by_caller = random_.chance(0.5);
      mesh_->bench.between_relays.clear();
      (by_caller ? call.caller : call.callee)->send(hangup(call.id));
      mesh_->bench.run_for(1s);
      auto& other = by_caller ? *call.callee : *call.caller;
      if (!hears_hangup(other, call.id, proto::HangupReason::Normal))
        fail(call.id + ": the other side is not told of the end");
      if (mesh_->is_live(call.from, call.id) || mesh_->is_live(call.to, call.id)) fail(call.id + " lives on at an end");
    }
    mesh_->bench.run_for(100s);
    for (auto& call : calls_) {
      for (int r = 0; r < relays_; ++r) {
        if (mesh_->call(r, call.id)) fail(call.id + " is never forgotten by relay " + std::to_string(r));
      }
    }
    for (int r = 0; r < relays_; ++r) {
      const std::size_t rooms = members_.empty() ? 0 : 1;
      if (mesh_->bench.packets(std::size_t(r)).rooms() > rooms)
        fail("relay " + std::to_string(r) + " keeps the table of a call");
    }
  }

  Random random_;
  bool tell_;
  Seen& seen_;
  int relays_ = 0;
  Mesh::Links links_;
  std::unique_ptr<Mesh> mesh_;
  std::vector<std::pair<int, std::unique_ptr<Member>>> members_;
  std::vector<std::unique_ptr<Phone>> phones_;
  std::vector<Call> calls_;
  std::set<int> busy_;  ///< relays with clients
  std::set<std::pair<int, int>> cut_;
  std::uint16_t next_number_ = 1;
};

std::optional<std::uint64_t> number_from(const char* variable) {
  const char* text = std::getenv(variable);
  return text == nullptr ? std::nullopt : std::optional{std::strtoull(text, nullptr, 10)};
}

}  // namespace

TEST_CASE("in every shape of relays each packet reaches whom it is for, once, whatever breaks",
          "[relay][route][room][sim][V-06][V-28][V-33][V-36][V-37][V-40]") {
  Seen seen;
  const auto one = number_from("WZP_MESH_SEED");
  const auto count = one ? 1 : number_from("WZP_MESH_SEEDS").value_or(60);
  std::size_t broken = 0;
  for (std::uint64_t i = 0; i < count && broken < 5; ++i) {
    const auto seed = one.value_or(i + 1);
    MeshStory story{seed, one.has_value(), seen};
    try {
      story.run();
    } catch (const Broken& e) {
      ++broken;
      if (one) story.tell_drops();
      FAIL_CHECK("seed " << seed << ": " << e.what() << " (replay: WZP_MESH_SEED=" << seed << ")");
    }
  }
  WARN("mesh: " << count << " seeds, " << seen.probes << " probes, " << seen.delivered << " packets delivered, "
                << seen.calls << " calls, " << seen.partitions << " looks at a parted call, " << seen.restarts
                << " restarts, " << seen.moves << " members moved; at most " << seen.quietest
                << " of the messages that quiet relays may send");
  CHECK(seen.delivered > 0);
}

}  // namespace wzp::test
