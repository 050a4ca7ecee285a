#include <netinet/ip.h>
#include <netinet/udp.h>

#include <algorithm>
#include <cassert>
#include <cstring>

#include "udp_impl.hpp"

namespace wzp::net {
namespace {

/// Refusals of a train with good pieces after which none is tried again. Source: our choice.
constexpr unsigned kMaxStrikes = 8;

std::size_t datagrams_in(std::size_t bytes, std::uint16_t segment) {
  return segment ? (bytes + segment - 1) / segment : 1;
}

/// Appends ancillary data to a message.
class Control {
 public:
  explicit Control(msghdr& header) : header_{header} { header_.msg_controllen = 0; }

  template <class T>
  void add(int level, int type, const T& value) {
    auto* at = static_cast<std::uint8_t*>(header_.msg_control) + header_.msg_controllen;
    cmsghdr head{};
    head.cmsg_level = level;
    head.cmsg_type = type;
    head.cmsg_len = CMSG_LEN(sizeof value);
    std::memset(at, 0, CMSG_SPACE(sizeof value));
    std::memcpy(at, &head, sizeof head);
    std::memcpy(at + CMSG_LEN(0), &value, sizeof value);
    header_.msg_controllen += CMSG_SPACE(sizeof value);
    assert(header_.msg_controllen <= kControlBytes);
  }

 private:
  msghdr& header_;
};

}  // namespace

Sender::Sender(bool mapped, bool wildcard, std::uint8_t dscp, bool segments)
    : mapped_{mapped}, wildcard_{wildcard}, dscp_{dscp}, segments_{segments} {
  for (std::size_t i = 0; i < kSendBatch; ++i) {
    auto& header = messages_[i].msg_hdr;
    header.msg_name = &remotes_[i];
    header.msg_iov = &io_[i];
    header.msg_iovlen = 1;
    header.msg_control = control_[i].data();
  }
}

void Sender::send(int fd, std::span<const Train> trains, UdpSocket::Counters& counters) {
  full_ = false;
  for (const auto& train : trains) add(fd, train, counters);
  write(fd, counters);
}

void Sender::add(int fd, const Train& train, UdpSocket::Counters& counters) {
  assert(train.bytes.size() <= kMaxTrainBytes);
  assert(datagrams_in(train.bytes.size(), train.segment) <= kMaxTrainSegments);
  if (train.bytes.empty()) return;
  const auto step = segments_ || train.segment == 0 ? train.bytes.size() : train.segment;
  for (std::size_t offset = 0; offset < train.bytes.size(); offset += step) {
    if (count_ == kSendBatch) write(fd, counters);
    const Piece piece{&train, offset, std::min<std::size_t>(step, train.bytes.size() - offset)};
    prepare(count_, piece);
    ++count_;
  }
}

void Sender::prepare(std::size_t i, const Piece& piece) {
  const auto& train = *piece.train;
  pieces_[i] = piece;
  io_[i] = {const_cast<std::uint8_t*>(train.bytes.data() + piece.offset), piece.size};
  auto& header = messages_[i].msg_hdr;
  header.msg_namelen = to_sockaddr(train.remote, mapped_, remotes_[i]);
  Control control{header};
  if (wildcard_ && !train.local.ip.is_unspecified()) {
    if (mapped_) {
      in6_pktinfo info{};
      std::memcpy(&info.ipi6_addr, train.local.ip.bytes.data(), 16);
      control.add(IPPROTO_IPV6, IPV6_PKTINFO, info);
    } else {
      in_pktinfo info{};
      std::memcpy(&info.ipi_spec_dst, train.local.ip.bytes.data() + 12, 4);
      control.add(IPPROTO_IP, IP_PKTINFO, info);
    }
  }
  if (train.ecn) {
    const int tos = (dscp_ << 2) | (train.ecn & 3);
    const bool v4 = train.remote.ip.is_v4();
    control.add(v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TOS : IPV6_TCLASS, tos);
  }
  if (train.segment && piece.size > train.segment) control.add(SOL_UDP, UDP_SEGMENT, train.segment);
}

void Sender::write(int fd, UdpSocket::Counters& counters) {
  std::size_t done = 0;
  const auto total = std::exchange(count_, 0);
  const auto datagrams = [this](std::size_t i) { return datagrams_in(pieces_[i].size, pieces_[i].train->segment); };
  while (done < total && !full_) {
    const int n = ::sendmmsg(fd, messages_.data() + done, static_cast<unsigned>(total - done), MSG_DONTWAIT);
    if (n > 0) {
      for (const auto end = done + static_cast<std::size_t>(n); done < end; ++done) {
        counters.sent += datagrams(done);
        counters.sent_bytes += pieces_[done].size;
      }
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
      full_ = true;
      break;
    }
    if (!refused_train(fd, pieces_[done], errno, counters)) counters.send_errors += datagrams(done);
    ++done;
  }
  for (; done < total; ++done) counters.send_full += datagrams(done);
}

// Sends the pieces of a train one by one when the kernel does not cut it; false for a single datagram.
bool Sender::refused_train(int fd, const Piece& piece, int error, UdpSocket::Counters& counters) {
  const auto& train = *piece.train;
  if (train.segment == 0 || piece.size <= train.segment) return false;
  if (error != EIO && error != EINVAL && error != EMSGSIZE && error != EOPNOTSUPP) return false;
  // EIO and EOPNOTSUPP: the route or the kernel cannot; the others may be a matter of this one size.
  if (error == EIO || error == EOPNOTSUPP || ++strikes_ >= kMaxStrikes) segments_ = false;
  Sockaddr remote;
  msghdr header{};
  header.msg_name = &remote;
  header.msg_namelen = to_sockaddr(train.remote, mapped_, remote);
  for (std::size_t offset = piece.offset; offset < piece.offset + piece.size; offset += train.segment) {
    const auto size = std::min<std::size_t>(train.segment, piece.offset + piece.size - offset);
    iovec io{const_cast<std::uint8_t*>(train.bytes.data() + offset), size};
    header.msg_iov = &io;
    header.msg_iovlen = 1;
    if (::sendmsg(fd, &header, MSG_DONTWAIT) >= 0) {
      ++counters.sent;
      counters.sent_bytes += size;
    } else {
      ++counters.send_errors;
    }
  }
  return true;
}

}  // namespace wzp::net
