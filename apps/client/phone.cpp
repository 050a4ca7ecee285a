#include "client/phone.hpp"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include <fmt/format.h>

#include "client/commands.hpp"
#include "common/file.hpp"
#include "common/identity_file.hpp"
#include "common/exit_code.hpp"
#include "common/version.hpp"
#include "wzp/base/overloaded.hpp"
#include "wzp/net/random.hpp"

namespace wzp::client_app {
namespace {

// The core wants to know that media flows, not of every packet.
constexpr Duration kMediaSeenInterval = std::chrono::milliseconds{100};
constexpr Duration kStatusInterval = std::chrono::milliseconds{500};
// Messages linger for at most 500 ms before a connection closes (wire.md 1.8); then the process may go.
constexpr Duration kGoodbye = std::chrono::milliseconds{700};

client::Config core_config(const PhoneOptions& options, const crypto::Seed& seed, const KnownPeople& people) {
  client::Config config{.identity = crypto::Identity{seed},
                        .alias = {},
                        .build = app::kBuild,
                        .allow_unsealed = options.allow_unsealed,
                        .direct_only = options.direct_only,
                        .relay_only = options.relay_only,
                        .unannounced = options.unannounced,
                        .known_signers = people.all(),
                        .timers = {}};
  if (!options.alias.empty()) config.alias = options.alias;
  if (options.ring_timeout) config.timers.ring_caller = config.timers.ring_callee = *options.ring_timeout;
  config.timers.media_dead = options.idle_timeout;
  return config;
}

}  // namespace

Phone::Phone(PhoneOptions options, const crypto::Seed& seed, KnownPeople people, std::unique_ptr<media::AudioSource> source, app::Log& log)
    : options_{std::move(options)},
      people_{std::move(people)},
      log_{log},
      printer_{options_.common.json, ::isatty(STDOUT_FILENO) == 1},
      core_{core_config(options_, seed, people_)},
      source_{std::move(source)} {}

Result<void> Phone::open(KnownRelays known) {
  auto loop = net::Loop::create();
  if (!loop) return loop.failure();
  loop_ = std::move(*loop);
  if (auto caught = loop_->on_signals({SIGINT, SIGTERM}, [this](int) { end(exit_code_); }); !caught) return caught;
  auto network = Network::open(*loop_, options_.common, options_.idle_timeout, std::move(known),
                               {.to_core = [this](client::Event event) { handle(std::move(event)); },
                                .on_datagram = [this](ConnectionId conn, ByteView bytes) { on_datagram(conn, bytes); },
                                .on_changed_relay = [this](const std::string& why) {
                                  printer_.note("relay_changed", why);
                                  end(app::kNotAuthorised);
                                }});
  if (!network) return network.failure();
  network_ = std::move(*network);
  loop_->add({.deadline = [this] { return core_.deadline(); },
              .tick = [this](Instant now) { perform(core_.tick(now)); },
              .finish = [this](Instant) { stop_when_idle(); }});
  loop_->add({.deadline = [this] { return audio_ ? audio_->deadline() : std::nullopt; },
              .tick = [this](Instant now) { audio_->tick(now); },
              .finish = {}});
  loop_->add({.deadline = [this] { return next_status_; }, .tick = [this](Instant now) { show_status(now); }, .finish = {}});
  if (::isatty(STDIN_FILENO) == 1) {
    return loop_->watch(STDIN_FILENO, [this](Instant) {
      char line[256];
      const auto n = ::read(STDIN_FILENO, line, sizeof line);
      if (n <= 0) return loop_->unwatch(STDIN_FILENO);
      on_typed({line, static_cast<std::size_t>(n)});
    });
  }
  return {};
}

int Phone::run() {
  perform(core_.start(loop_->now()));
  loop_->run();
  return exit_code_;
}

// --- events in, actions out

void Phone::handle(client::Event event) {
  // Actions may cause events at once (a dial that cannot start): they wait for their turn.
  events_.push_back(std::move(event));
  if (std::exchange(handling_, true)) return;
  while (!events_.empty()) {
    const auto next = std::move(events_.front());
    events_.pop_front();
    perform(core_.handle(next, loop_->now()));
  }
  handling_ = false;
}

void Phone::perform(const client::Actions& actions) {
  for (const auto& action : actions) {
    std::visit(overloaded{
                   [&](const client::MediaStart& a) { start_media(a); },
                   [&](const client::MediaPaths& a) {
                     paths_ = a.send_on;
                     if (audio_) audio_->set_paths(a, loop_->now());
                   },
                   [&](const client::MediaStop&) { stop_media(); },
                   [&](const client::Report& a) { report(a.event); },
                   [&](const LogLine& line) { log_.print(line); },
                   [&](const auto& a) { network_->perform(a); },
               },
               action);
  }
}

void Phone::on_datagram(ConnectionId conn, ByteView datagram) {
  const auto now = loop_->now();
  if (!audio_ || !audio_->receive(conn, datagram, now)) return;
  const auto [seen, first] = media_seen_.try_emplace(conn, now);
  if (!first && now - seen->second < kMediaSeenInterval) return;
  seen->second = now;
  handle(client::MediaSeen{conn});
}

void Phone::report(const client::UserEvent& event) {
  printer_.print(event);
  std::visit(overloaded{
                 [&](const client::Registered&) {
                   if (options_.target && !std::exchange(placed_, true)) place_call(*options_.target);
                 },
                 [&](const client::Reconnecting&) {
                   // Somebody who calls wants to know now; somebody who listens can wait.
                   if (options_.target && !placed_) end(app::kCannotConnect);
                 },
                 [&](const client::RegistrationRefused&) { end(app::kNotAuthorised); },
                 [&](const client::Replaced&) { end(app::kNotAuthorised); },
                 [&](const client::Incoming& e) { on_incoming(e); },
                 [&](const client::SetUp&) { on_set_up(); },
                 [&](const client::Ended& e) { on_ended(e); },
                 [&](const client::SignerLearned& e) {
                   if (const auto kept = people_.remember(e.peer); !kept) log_.warn("could not remember who seals: " + kept.error().where);
                 },
                 [](const auto&) {},
             },
             event);
}

// --- the call

void Phone::place_call(const Fingerprint& target) {
  handle(client::HostAddresses{network_->host_addresses()});
  handle(client::PlaceCall{target, CallId::from_random(net::random_array<16>()), net::random_secret<32>()});
}

void Phone::on_incoming(const client::Incoming& event) {
  if (event.mutual) return answer(event.call, proto::CallAcceptMode::AcceptTrusted);
  // A phone that places a call takes no other one.
  switch (options_.target ? AcceptPolicy::Reject : options_.accept.value_or(AcceptPolicy::Ask)) {
    case AcceptPolicy::Trusted: return answer(event.call, proto::CallAcceptMode::AcceptTrusted);
    case AcceptPolicy::Private: return answer(event.call, proto::CallAcceptMode::AcceptGeneric);
    case AcceptPolicy::Reject: return answer(event.call, proto::CallAcceptMode::Reject);
    case AcceptPolicy::Ask: break;
  }
  asked_ = event.call;
  printer_.note("question", "accept? t: yes, and show my address; p: yes, through the relay alone; r: no");
}

void Phone::answer(const CallId& call, proto::CallAcceptMode mode) {
  if (mode == proto::CallAcceptMode::AcceptTrusted) handle(client::HostAddresses{network_->host_addresses()});
  handle(client::Answer{call, mode, net::random_secret<32>()});
}

void Phone::on_typed(const std::string& line) {
  const char key = line.empty() ? '\n' : line.front();
  if (asked_ && (key == 't' || key == 'p' || key == 'r')) {
    const auto call = *std::exchange(asked_, std::nullopt);
    return answer(call, key == 't'   ? proto::CallAcceptMode::AcceptTrusted
                        : key == 'p' ? proto::CallAcceptMode::AcceptGeneric
                                     : proto::CallAcceptMode::Reject);
  }
  if (key == 'q') return handle(client::HangUp{});
  if (!line.starts_with("c ")) return;
  const auto target = Fingerprint::parse(line.substr(2, line.find_last_not_of("\r\n ") - 1));
  if (!target) return printer_.note("question", "c needs a fingerprint of 32 hex digits");
  place_call(*target);
}

void Phone::on_set_up() {
  call_began_ = loop_->now();
  if (printer_.wants_status()) next_status_ = *call_began_ + kStatusInterval;
  if (!options_.duration) return;
  loop_->after(*options_.duration, [this, call = core_.call_id()](Instant) {
    if (core_.call_id() == call) handle(client::HangUp{});
  });
}

void Phone::on_ended(const client::Ended& event) {
  asked_.reset();
  call_began_.reset();
  next_status_.reset();
  exit_code_ = client::exit_code(event.reason);
  if (++calls_ended_ == options_.calls) end(exit_code_);
}

void Phone::end(int exit_code) {
  if (std::exchange(ending_, true)) return;
  handle(client::Shutdown{});
  exit_code_ = exit_code;
  loop_->after(kGoodbye, [this](Instant) { loop_->stop(); });
}

void Phone::stop_when_idle() {
  if (ending_ && network_->idle()) loop_->stop();
}

// --- audio

void Phone::start_media(const client::MediaStart& action) {
  heard_ = open_recording(options_.record);
  sent_ = open_recording(options_.record_sent);
  if (calls_ended_ > 0) {
    if (auto again = open_source(options_)) source_ = std::move(*again);
  }
  auto audio = CallAudio::create(action, {*source_, heard_.get(), sent_.get()},
                                 [this](ConnectionId conn, ByteView bytes, Instant now) { network_->send_datagram(conn, bytes, now); });
  if (!audio) {
    log_.error("no audio: " + to_string(audio.error()));
    return handle(client::HangUp{});
  }
  audio_ = std::move(*audio);
}

void Phone::stop_media() {
  if (!audio_) return;
  printer_.summary(audio_->summary());
  audio_.reset();
  paths_.clear();
  media_seen_.clear();
  finish_recording(heard_);
  finish_recording(sent_);
}

std::unique_ptr<RecordingFile> Phone::open_recording(const std::filesystem::path& path) {
  if (path.empty()) return nullptr;
  auto name = path;
  // Every call after the first has a file of its own.
  if (calls_ended_ > 0) name.replace_filename(fmt::format("{}-{}{}", path.stem().string(), calls_ended_ + 1, path.extension().string()));
  auto recording = RecordingFile::create(name);
  if (recording) return std::move(*recording);
  printer_.note("recording_failed", recording.error().where);
  return nullptr;
}

void Phone::finish_recording(std::unique_ptr<RecordingFile>& recording) {
  if (!recording) return;
  if (const auto finished = recording->finish(); !finished) printer_.note("recording_failed", finished.error().where);
  recording.reset();
}

void Phone::show_status(Instant now) {
  next_status_.reset();
  if (!call_began_ || !audio_) return;
  next_status_ = now + kStatusInterval;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - *call_began_).count();
  const auto summary = audio_->summary();
  std::string path = "no path yet";
  if (!paths_.empty()) {
    const auto stats = network_->stats(paths_.front());
    path = fmt::format("{} {:.0f} ms", core_.on_direct_path() ? "direct" : "relay",
                       stats ? std::chrono::duration<double, std::milli>{stats->smoothed_rtt}.count() : 0.0);
  }
  const auto bars = static_cast<std::size_t>(std::clamp((audio_->heard_dbfs() + 60) / 6, 0.0, 10.0));
  printer_.status(fmt::format("{:02}:{:02}  {}  received {}  lost {}  [{:<10}]  q ends the call", seconds / 60, seconds % 60, path,
                              summary.packets.received, summary.packets.lost, std::string(bars, '#')));
}

int run_phone(const PhoneOptions& given) {
  auto options = given;
  auto& common = options.common;
  if (common.known_relays.empty()) common.known_relays = app::user_file("known_relays");
  if (common.known_people.empty()) common.known_people = app::user_file("known_people");
  if (!options.target && options.accept.value_or(AcceptPolicy::Ask) == AcceptPolicy::Ask && ::isatty(STDIN_FILENO) != 1) {
    return fail(app::kUsage, "there is no terminal to ask on: say --accept trusted, private or reject");
  }
  app::Log log{common.log_level};
  auto relays = KnownRelays::load(common.known_relays);
  if (!relays) return fail(app::kUsage, relays.error().where);
  auto people = KnownPeople::load(common.known_people);
  if (!people) return fail(app::kUsage, people.error().where);
  auto source = open_source(options);
  if (!source) return fail(app::kUsage, source.error().where);
  const auto identity = app::load_seed(common.identity, app::user_file("identity"), "wzp-client identity create --identity FILE");
  if (!identity) return fail(app::kUsage, identity.error().where);
  if (identity->created) fmt::print(stderr, "wzp-client: made a new identity in {}\n", identity->path.string());
  Phone phone{std::move(options), identity->seed, std::move(*people), std::move(*source), log};
  if (const auto opened = phone.open(std::move(*relays)); !opened) {
    return fail(opened.error().code == Errc::Io ? app::kInternal : app::kUsage, opened.error().where);
  }
  return phone.run();
}

}  // namespace wzp::client_app
