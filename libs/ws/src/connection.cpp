#include "connection.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

namespace wzp::ws {
namespace {

/// Read in one turn, at most: a flood on one connection leaves time for the others. Source: our choice.
constexpr std::size_t kReadSize = 16 * 1024;
/// Framed ahead of the socket. Source: our choice, some packets: what is framed cannot be dropped any more.
constexpr std::size_t kFramedAhead = 4 * 1024;
/// Pongs that nobody reads may add so much. Source: our choice.
constexpr std::size_t kMaxFramed = 64 * 1024;

}  // namespace

Connection::Connection(ConnectionId id, Upgraded socket, Shared& shared)
    : id_{id},
      socket_{std::move(socket)},
      shared_{shared},
      framing_{shared.config.max_message, *this},
      budget_{shared.config.frames_per_second, shared.config.patience, shared.config.max_over},
      outbox_{shared.config} {}

Connection::~Connection() {
  shared_.loop.unwatch(socket_.fd);
  shared_.deadlines.cancel(id_);
}

void Connection::start() {
  if (!shared_.loop.watch(socket_.fd, [this](Instant now) { on_readable(now); })) return lose("cannot be watched");
  if (state_ == State::Open) shared_.deadlines.set(id_, shared_.loop.now() + shared_.config.ping_interval);
  if (!socket_.early.empty()) receive(std::exchange(socket_.early, {}));
}

// --- in

void Connection::on_readable(Instant) {
  std::array<std::uint8_t, kReadSize> buffer;
  const auto size = ::recv(socket_.fd, buffer.data(), buffer.size(), 0);
  if (size > 0) return receive(ByteView{buffer}.first(static_cast<std::size_t>(size)));
  if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
  lose(size == 0 ? "connection ended" : "connection broken");
}

void Connection::receive(ByteView bytes) {
  if (framing_.is_reading()) framing_.receive(bytes);
  if (!framing_.is_reading() && state_ < State::Closing) {
    info_ = {false, kCloseProtocol, "protocol violation"};
    if (const auto& close = framing_.peer_close()) info_ = {true, close->code, close->reason};
    begin_close();
  }
  mark_dirty();  // for pongs, and for the answer to a close
}

void Connection::on_frame() {
  const auto verdict = budget_.take(shared_.loop.now());
  over_rate_ = verdict != FrameBudget::Verdict::Take;
  if (over_rate_) ++shared_.stats.dropped_frames;
  if (verdict == FrameBudget::Verdict::GiveUp) close(kClosePolicy, "too many frames", false);
}

void Connection::on_message(bool is_text, ByteView message) {
  if (state_ != State::Open || over_rate_) return;
  if (is_text) return shared_.handler.on_text(id_, text_of(message));
  shared_.handler.on_binary(id_, message);
}

// --- out

Result<std::uint64_t> Connection::send_text(std::string_view text) {
  if (state_ != State::Open) return Unexpected{Errc::WrongState, to_string(id_) + " is closing"};
  if (!outbox_.add_text(bytes_of(text))) return Unexpected{Errc::LimitReached, to_string(id_) + " reads too slowly"};
  mark_dirty();
  return next_text_++;
}

Result<void> Connection::send_binary(ByteView prefix, ByteView payload) {
  if (state_ != State::Open) return Unexpected{Errc::WrongState, to_string(id_) + " is closing"};
  shared_.stats.dropped_binaries += outbox_.add_binary(prefix, payload, shared_.loop.now());
  mark_dirty();
  return {};
}

void Connection::mark_dirty() {
  if (state_ != State::Ended && !std::exchange(is_dirty_, true)) shared_.dirty.push_back(id_);
}

void Connection::fill(Instant now) {
  framing_.take(output_);
  while (state_ < State::Closing && output_.size() < kFramedAhead) {
    auto message = outbox_.next(now, shared_.stats.dropped_binaries);
    if (!message) break;
    message->is_text ? framing_.text(message->bytes) : framing_.binary(message->bytes);
    framing_.take(output_);
    if (message->is_text) text_ends_.push_back(written_ + output_.size());
  }
  if (state_ != State::Draining || outbox_.has_text()) return;
  framing_.close(info_.code, info_.reason);
  begin_close();
  framing_.take(output_);
}

void Connection::flush(Instant now) {
  is_dirty_ = false;
  if (state_ == State::Ended) return;
  do {
    fill(now);
  } while (!output_.empty() && write_some());
  if (state_ == State::Ended) return;
  if (output_.size() > kMaxFramed) return lose("reads nothing");
  if (!output_.empty()) {
    return shared_.loop.await_writable(socket_.fd, [this](Instant) { mark_dirty(); });
  }
  look_at_close();
}

bool Connection::write_some() {
  const auto size = ::send(socket_.fd, output_.data(), output_.size(), MSG_NOSIGNAL);
  if (size < 0) {
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) lose("connection broken");
    return false;
  }
  const bool all = static_cast<std::size_t>(size) == output_.size();
  output_.erase(output_.begin(), output_.begin() + size);
  written_ += static_cast<std::uint64_t>(size);
  say_sent();
  return all;
}

void Connection::say_sent() {
  while (!text_ends_.empty() && text_ends_.front() <= written_) {
    text_ends_.pop_front();
    shared_.handler.on_text_sent(id_, next_sent_++);
  }
}

// --- the end

void Connection::close(std::uint16_t code, std::string_view reason, bool when_sent) {
  if (state_ >= State::Closing || (state_ == State::Draining && when_sent)) return;
  info_ = {false, code, std::string{reason}};
  if (when_sent && outbox_.has_text()) {
    state_ = State::Draining;
    outbox_.drop_binaries();
    shared_.deadlines.set(id_, shared_.loop.now() + shared_.config.linger);
  } else {
    framing_.close(code, reason);
    begin_close();
  }
  mark_dirty();
}

void Connection::begin_close() {
  const bool lingers = state_ == State::Draining;
  state_ = State::Closing;
  outbox_.clear();
  if (!lingers) shared_.deadlines.set(id_, shared_.loop.now() + shared_.config.linger);
}

// Everything is written.
void Connection::look_at_close() {
  const auto sent = framing_.sent_close();
  if (!sent) return;
  if (!info_.by_peer) info_.code = *sent;
  if (framing_.has_peer_closed()) return end();
  if (!std::exchange(is_shut_, true)) ::shutdown(socket_.fd, SHUT_WR);
}

void Connection::tick(Instant now) {
  if (state_ != State::Open) return end();
  if (unanswered_ >= shared_.config.max_unanswered) return lose("no answer to pings");
  ++unanswered_;
  framing_.ping();
  shared_.deadlines.set(id_, now + shared_.config.ping_interval);
  mark_dirty();
}

void Connection::lose(std::string_view why) {
  if (state_ == State::Open) info_ = {true, kCloseAbnormal, std::string{why}};
  end();
}

void Connection::end() {
  if (std::exchange(state_, State::Ended) == State::Ended) return;
  shared_.loop.unwatch(socket_.fd);
  shared_.deadlines.cancel(id_);
  shared_.ended.push_back(id_);
}

}  // namespace wzp::ws
