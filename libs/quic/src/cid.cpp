#include "cid.hpp"

#include "wzp/net/random.hpp"

namespace wzp::quic {

ngtcp2_cid random_cid(std::size_t size) {
  ngtcp2_cid cid{};
  cid.datalen = size;
  net::fill_random({cid.data, size});
  return cid;
}

ngtcp2_cid make_cid(std::uint16_t worker) {
  auto cid = random_cid(kCidSize);
  store_be16(cid.data, worker);
  return cid;
}

}  // namespace wzp::quic
