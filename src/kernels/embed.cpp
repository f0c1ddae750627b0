// Decoding a row is the codec's work (quant/codec.h), which has the versions; adding rows is one
// loop.
#include "kernels/embed.h"

#include "kernels/elementwise.h"
#include "quant/codec.h"

namespace quire {

void embed(Rows<float> y, const TensorView& table, View<const int32_t, 1> ids) {
  const Codec* table_codec = codec(table.dtype);
  CHECK(table_codec != nullptr && table.shape.rank == 2);
  CHECK(y.n == ids.dim(0) && y.width == table.shape[1]);
  for (int64_t t = 0; t < y.n; ++t) {
    CHECK(ids(t) >= 0 && ids(t) < table.shape[0]);
    table_codec->decode(table.row(ids(t)), y.row(t), y.width);
  }
}

void embed_backward(Rows<float> dtable, int64_t begin, int64_t end, Rows<const float> dy,
                    View<const int32_t, 1> ids) {
  CHECK(dy.n == ids.dim(0) && dtable.width == dy.width);
  CHECK(0 <= begin && begin <= end && end <= dy.width);
  const Rows<float> to = dtable.columns(begin, end);
  const Rows<const float> from = dy.columns(begin, end);
  for (int64_t t = 0; t < dy.n; ++t) {
    const int64_t id = ids(t);
    CHECK(id >= 0 && id < dtable.n);
    add(to.part(id, id + 1), to.part(id, id + 1), from.part(t, t + 1));
  }
}

}  // namespace quire
