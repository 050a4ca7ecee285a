#include "client/room_command.hpp"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include <fmt/format.h>

#include "client/commands.hpp"
#include "common/exit_code.hpp"
#include "common/file.hpp"
#include "common/identity_file.hpp"
#include "wzp/base/overloaded.hpp"
#include "wzp/net/random.hpp"

namespace wzp::client_app {
namespace {

constexpr Duration kLookInterval = std::chrono::milliseconds{250};
constexpr Duration kStatusInterval = std::chrono::milliseconds{500};
// Messages linger for at most 500 ms before a connection closes (wire.md 1.8); then the process may go.
constexpr Duration kGoodbye = std::chrono::milliseconds{700};
// A relay sends its list with the join.
constexpr Duration kListWait = std::chrono::seconds{3};

// Source: our choice; more than speak at a time.
constexpr std::size_t kMaxUnnamed = 64;
constexpr const char* kNotSealed = "a room is not sealed end to end: whoever runs its relay could listen";

client::RoomCore::Config core_config(const RoomOptions& options, const crypto::Seed& seed) {
  client::RoomCore::Config config{.identity = crypto::Identity{seed}, .alias = {}, .room = options.server_name, .timers = {}};
  if (!options.alias.empty()) config.alias = options.alias;
  return config;
}

}  // namespace

RoomPhone::RoomPhone(RoomOptions options, const crypto::Seed& seed, std::unique_ptr<media::AudioSource> source, app::Log& log)
    : options_{std::move(options)},
      log_{log},
      printer_{options_.common.json, ::isatty(STDOUT_FILENO) == 1},
      core_{core_config(options_, seed)},
      source_{std::move(source)} {}

Result<void> RoomPhone::open(KnownRelays known) {
  auto loop = net::Loop::create();
  if (!loop) return loop.failure();
  loop_ = std::move(*loop);
  if (auto caught = loop_->on_signals({SIGINT, SIGTERM}, [this](int) { leave(app::kOk); }); !caught) return caught;
  if (auto opened = open_audio(); !opened) return opened;
  if (auto opened = open_network(std::move(known)); !opened) return opened;
  if (::isatty(STDIN_FILENO) != 1) return {};
  return loop_->watch(STDIN_FILENO, [this](Instant) {
    char line[256];
    const auto n = ::read(STDIN_FILENO, line, sizeof line);
    if (n <= 0) return loop_->unwatch(STDIN_FILENO);
    if (line[0] == 'q') leave(app::kOk);
  });
}

Result<void> RoomPhone::open_audio() {
  if (options_.list) return {};
  for (auto [path, recording] : {std::pair{&options_.record, &heard_}, std::pair{&options_.record_sent, &sent_}}) {
    if (path->empty()) continue;
    auto file = RecordingFile::create(*path);
    if (!file) return file.failure();
    *recording = std::move(*file);
  }
  if (!options_.record_each.empty()) {
    auto each = SpeakerFiles::create(
        options_.record_each,
        {.on_file = [this](const auto& path, const auto& speaker) { printer_.recording(path.string(), speaker, who_is(speaker)); },
         .on_failure = [this](const std::string& why) { printer_.note("recording_failed", why); }});
    if (!each) return each.failure();
    each_ = std::move(*each);
  }
  auto audio = RoomAudio::create(
      {*source_, heard_.get(), sent_.get(), each_.get()},
      {.send =
           [this](ByteView bytes, Instant now) {
             if (const auto conn = core_.up()) network_->send_datagram(*conn, bytes, now);
           },
       .on_speaker = [this](const media::SpeakerId& speaker) { on_speaker(speaker); }});
  if (!audio) return audio.failure();
  audio_ = std::move(*audio);
  return {};
}

Result<void> RoomPhone::open_network(KnownRelays known) {
  auto network = Network::open(*loop_, options_.common, options_.idle_timeout, std::move(known),
                               {.to_core = [this](client::Event event) { hear_network(std::move(event)); },
                                .on_datagram =
                                    [this](ConnectionId conn, ByteView bytes) {
                                      if (audio_ && core_.up() == conn) audio_->receive(bytes, loop_->now());
                                    },
                                .on_changed_relay =
                                    [this](const std::string& why) {
                                      printer_.note("relay_changed", why);
                                      leave(app::kNotAuthorised);
                                    }});
  if (!network) return network.failure();
  network_ = std::move(*network);
  loop_->add({.deadline = [this] { return core_.deadline(); },
              .tick = [this](Instant now) { perform(core_.tick(now)); },
              .finish = [this](Instant) { if (ending_ && network_->idle()) loop_->stop(); }});
  loop_->add({.deadline = [this] { return audio_ ? audio_->deadline() : std::nullopt; },
              .tick = [this](Instant now) { if (audio_) audio_->tick(now); },
              .finish = {}});
  loop_->add({.deadline = [this] { return next_look_; }, .tick = [this](Instant now) { look_at_path(now); }, .finish = {}});
  loop_->add({.deadline = [this] { return next_status_; }, .tick = [this](Instant now) { show_status(now); }, .finish = {}});
  return {};
}

int RoomPhone::run() {
  if (!options_.list) printer_.note("not_sealed", kNotSealed);
  perform(core_.start(loop_->now()));
  loop_->run();
  return exit_code_.value_or(app::kInternal);
}

// --- inputs in, actions out

void RoomPhone::hear_network(client::Event event) {
  std::visit(overloaded{
                 [&](client::Connected& e) { handle(client::RoomConnected{std::move(e), net::random_secret<32>()}); },
                 [&](client::DialFailed& e) { handle(std::move(e)); },
                 [&](client::Lost& e) { handle(std::move(e)); },
                 [&](client::Signal& e) { handle(std::move(e)); },
                 [&](client::BadMessage& e) { handle(std::move(e)); },
                 // Nobody has a call with us.
                 [&](client::InboundDirect& e) { network_->perform(client::Close{e.conn, client::CloseCode::Normal, "no call"}); },
                 [](auto&) {},
             },
             event);
}

void RoomPhone::handle(client::RoomInput input) {
  // Actions may cause inputs at once (a dial that cannot start): they wait for their turn.
  inputs_.push_back(std::move(input));
  if (std::exchange(handling_, true)) return;
  while (!inputs_.empty()) {
    const auto next = std::move(inputs_.front());
    inputs_.pop_front();
    perform(core_.handle(next, loop_->now()));
  }
  handling_ = false;
}

void RoomPhone::perform(const client::RoomActions& actions) {
  for (const auto& action : actions) {
    std::visit(overloaded{
                   [&](const client::RoomReport& a) { report(a.event); },
                   [&](const LogLine& line) { log_.print(line); },
                   [&](const auto& a) { network_->perform(a); },
               },
               action);
  }
}

void RoomPhone::report(const client::RoomEvent& event) {
  printer_.print(event);
  std::visit(overloaded{
                 [&](const client::RoomJoined& e) { on_joined(e); },
                 [&](const client::RoomPeople& e) { on_people(e); },
                 [&](const client::RoomDirective& e) {
                   if (audio_) audio_->use(e.codec);
                 },
                 [&](const client::RoomReconnecting&) {
                   if (audio_) audio_->close();
                   next_look_.reset();
                 },
                 [&](const client::RoomEnded& e) { on_ended(e); },
                 [](const auto&) {},
             },
             event);
}

void RoomPhone::on_joined(const client::RoomJoined&) {
  const auto now = loop_->now();
  quality_.restart();
  if (audio_) {
    audio_->use(RoomAudio::kDefaultCodec);
    audio_->open(now);
    next_look_ = now + kLookInterval;
  }
  if (joined_at_) return;
  joined_at_ = now;
  if (options_.duration) loop_->after(*options_.duration, [this](Instant) { leave(app::kOk); });
  if (printer_.wants_status() && !options_.list) next_status_ = now + kStatusInterval;
  if (!options_.list) return;
  loop_->after(kListWait, [this](Instant) {
    if (std::exchange(listed_, true)) return;
    printer_.note("no_list", "the relay does not say who is in the room");
    leave(app::kInternal);
  });
}

void RoomPhone::on_people(const client::RoomPeople& event) {
  if (each_) each_->people(event.members);
  std::erase_if(unnamed_, [&](const media::SpeakerId& speaker) {
    const auto* who = who_is(speaker);
    if (who != nullptr) printer_.speaker(speaker, who);
    return who != nullptr;
  });
  if (std::exchange(listed_, true)) return;
  for (const auto& member : event.members) printer_.member(member);
  if (options_.list) leave(app::kOk);
}

void RoomPhone::on_speaker(const media::SpeakerId& speaker) {
  const auto* who = who_is(speaker);
  printer_.speaker(speaker, who);
  // The list that names it is on its way.
  if (who == nullptr && unnamed_.size() < kMaxUnnamed) unnamed_.push_back(speaker);
}

void RoomPhone::on_ended(const client::RoomEnded& event) {
  if (!exit_code_) exit_code_ = client::exit_code(event.reason);
  next_look_.reset();
  next_status_.reset();
  if (audio_) printer_.summary(audio_->summary());
  audio_.reset();
  finish(heard_);
  finish(sent_);
  if (each_) each_->finish();
  ending_ = true;
  loop_->after(kGoodbye, [this](Instant) { loop_->stop(); });
}

void RoomPhone::leave(int exit_code) {
  if (core_.ended()) return;
  exit_code_ = exit_code;
  handle(client::LeaveRoom{});
}

void RoomPhone::finish(std::unique_ptr<RecordingFile>& recording) {
  if (!recording) return;
  if (const auto finished = recording->finish(); !finished) printer_.note("recording_failed", finished.error().where);
  recording.reset();
}

// --- now and then

void RoomPhone::look_at_path(Instant now) {
  next_look_.reset();
  const auto conn = core_.up();
  if (!conn || !audio_) return;
  next_look_ = now + kLookInterval;
  const auto stats = network_->stats(*conn);
  if (!stats) return;
  quality_.look({stats->datagrams_sent, stats->datagrams_lost, stats->smoothed_rtt}, now);
  if (const auto report = quality_.take(audio_->jitter(now), now)) audio_->attach(*report);
}

void RoomPhone::show_status(Instant now) {
  next_status_.reset();
  if (!audio_ || !joined_at_) return;
  next_status_ = now + kStatusInterval;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - *joined_at_).count();
  std::string speaking;
  for (const auto& speaker : audio_->speaking()) {
    if (speaking.size() > 40) break;
    const auto* who = who_is(speaker);
    const auto name = who != nullptr && !who->alias.empty() ? who->alias
                      : who != nullptr && who->fingerprint  ? to_string(*who->fingerprint).substr(0, 9)
                                                            : to_string(speaker);
    speaking += (speaking.empty() ? "" : ", ") + name;
  }
  printer_.status(fmt::format("{:02}:{:02}  {} in the room  heard: {}  q leaves", seconds / 60, seconds % 60, core_.members().size(),
                              speaking.empty() ? "nobody" : speaking));
}

const client::RoomMember* RoomPhone::who_is(const media::SpeakerId& speaker) const {
  if (!speaker.source) return nullptr;
  const auto& members = core_.members();
  const auto found = std::find_if(members.begin(), members.end(), [&](const auto& m) { return m.source == speaker.source; });
  return found == members.end() ? nullptr : &*found;
}

int run_room(const RoomOptions& given) {
  auto options = given;
  auto& common = options.common;
  if (common.known_relays.empty()) common.known_relays = app::user_file("known_relays");
  app::Log log{common.log_level};
  auto relays = KnownRelays::load(common.known_relays);
  if (!relays) return fail(app::kUsage, relays.error().where);
  auto source = open_source(options);
  if (!source) return fail(app::kUsage, source.error().where);
  const auto identity = app::load_seed(common.identity, app::user_file("identity"), "wzp-client identity create --identity FILE");
  if (!identity) return fail(app::kUsage, identity.error().where);
  if (identity->created) fmt::print(stderr, "wzp-client: made a new identity in {}\n", identity->path.string());
  RoomPhone phone{std::move(options), identity->seed, std::move(*source), log};
  if (const auto opened = phone.open(std::move(*relays)); !opened) {
    return fail(opened.error().code == Errc::BadConfig ? app::kUsage : app::kInternal, opened.error().where);
  }
  return phone.run();
}

}  // namespace wzp::client_app
