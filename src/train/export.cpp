#include "train/export.h"

#include "format/gguf_write.h"
#include "model/arch.h"
#include "quant/codec.h"
#include "text/tokenizer_io.h"

#include <fmt/format.h>

#include <vector>

namespace quire {
namespace {

// general.file_type: what most tensors are stored as.
std::optional<uint32_t> file_type(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return 0;
    case DType::f16:
      return 1;
    case DType::q4_0:
      return 2;
    case DType::q8_0:
      return 7;
    case DType::bf16:
      return 32;
    default:
      return std::nullopt;
  }
}

void add_training(GgufWriter& out, const ExportOptions& options) {
  out.add_u64("quire.train.steps", static_cast<uint64_t>(options.n_steps));
  out.add_u64("quire.train.tokens", static_cast<uint64_t>(options.n_tokens));
  if (options.held_out_nats_per_token)
    out.add_f64("quire.train.held_out_nats_per_token", *options.held_out_nats_per_token);
  if (options.held_out_bits_per_byte)
    out.add_f64("quire.train.held_out_bits_per_byte", *options.held_out_bits_per_byte);
}

DType stored_dtype(const ParameterSlot& slot, DType wanted) {
  return slot.shape.rank < 2 || slot.name == "position_embd.weight" ? DType::f32 : wanted;
}

// Encodes row after row, so that the file needs no second copy of the model in memory.
Result<void> put_encoded(const ParameterSlot& slot, const float* weights, DType dtype,
                         GgufSink sink) {
  const int64_t width = slot.shape.last();
  std::vector<std::byte> row(static_cast<size_t>(row_bytes(dtype, width)));
  for (int64_t r = 0; r < slot.shape.n_rows(); ++r) {
    codec(dtype)->encode(weights + slot.offset + r * width, row.data(), width);
    TRY(sink(row));
  }
  return {};
}

}  // namespace

Result<void> export_gguf(const std::string& path, const Hparams& hparams,
                         const ParameterSet& parameters, const Tokenizer& tokenizer,
                         const ExportOptions& options) {
  const std::optional<uint32_t> type = file_type(options.dtype);
  if (!type)
    return fail(Fault::unsupported, "--export-type {}: possible are f32, f16, bf16, q8_0, q4_0",
                info(options.dtype).name);
  GgufWriter out;
  out.add_string("general.architecture", hparams.arch);
  out.add_string("general.type", "model");
  out.add_string("general.name", options.name);
  out.add_u32("general.file_type", *type);
  out.add_u32("general.quantization_version", 2);
  TRY(find_arch(hparams.arch))->write_hparams(out, hparams);
  add_training(out, options);
  TRY(write_tokenizer_metadata(out, tokenizer.spec()));
  for (const ParameterSlot& slot : parameters.slots()) {
    const DType dtype = stored_dtype(slot, options.dtype);
    if (slot.shape.last() % info(dtype).block_size != 0)
      return fail(
          Fault::unsupported,
          "--export-type {}: tensor '{}' has rows of {}, no multiple of {}; use f16 or bf16",
          info(dtype).name, slot.name, slot.shape.last(), info(dtype).block_size);
    if (dtype == DType::f32)
      out.add_tensor(slot.name, ParameterSet::view(slot, parameters.weights()));
    else
      out.add_tensor(slot.name, dtype, slot.shape, [&slot, &parameters, dtype](GgufSink sink) {
        return put_encoded(slot, parameters.weights(), dtype, sink);
      });
  }
  return out.write(path);
}

}  // namespace quire
