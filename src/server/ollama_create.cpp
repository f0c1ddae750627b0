// The body of POST /api/create as a Modelfile.
#include "format/printable.h"
#include "model/type_mix.h"
#include "server/ollama.h"

#include <algorithm>

namespace quire::server {
namespace {

constexpr size_t n_files_max = 1000, n_lines_max = 1000;

ApiResult<void> as_400(const Result<void>& result, const char* name) {
  if (result) return {};
  return std::unexpected(ApiError{400, fmt::format("{}: {}", name, result.error().text), name});
}

// {"file name": "sha256:..."}, in the order of the names.
ApiResult<std::vector<NamedBlob>> read_files(Fields& fields, const char* name) {
  const Json* files = fields.object(name);
  TRY_API(fields.done());
  std::vector<NamedBlob> blobs;
  if (files == nullptr) return blobs;
  if (files->size() > n_files_max)
    return fail_api(400, name, "{} has {} files, at most {} are taken", name, files->size(),
                    n_files_max);
  for (const auto& [file, digest] : files->items()) {
    if (!digest.is_string() || !is_digest(digest.get_ref<const std::string&>()))
      return fail_api(400, name, "{}: '{}' is {}, no digest 'sha256:' and 64 hexadecimal digits",
                      name, printable(file, 60), shown(digest));
    blobs.push_back({file, digest.get<std::string>()});
  }
  std::ranges::sort(blobs, {}, &NamedBlob::name);
  return blobs;
}

ApiResult<std::string> read_quantize(Fields& fields) {
  const char* name = fields.has("quantize") ? "quantize" : "quantization";  // of older clients
  std::string type = fields.text(name);
  TRY_API(fields.done());
  if (type.empty()) return type;
  if (const auto known = type_mix(type); !known)
    return std::unexpected(ApiError{400, known.error().text, name});
  return type;
}

ApiResult<void> read_parameters(Fields& fields, Modelfile& file) {
  const Json* parameters = fields.object("parameters");
  TRY_API(fields.done());
  if (parameters == nullptr) return {};
  for (const auto& [name, value] : parameters->items()) {
    const Json list = value.is_array() ? value : Json::array({value});
    for (const Json& one : list) {
      std::string text = one.is_string() ? one.get<std::string>() : to_text(one);
      TRY_API(as_400(check_parameter(name, text), "parameters"));
      file.parameters.emplace_back(name, std::move(text));
    }
    if (file.parameters.size() > n_lines_max)
      return fail_api(400, "parameters", "parameters has more than {} values", n_lines_max);
  }
  return {};
}

ApiResult<void> read_messages(Fields& fields, Modelfile& file) {
  const Json* messages = fields.array("messages");
  TRY_API(fields.done());
  if (messages == nullptr) return {};
  if (messages->size() > n_lines_max)
    return fail_api(400, "messages", "messages has {} messages, at most {} are taken",
                    messages->size(), n_lines_max);
  for (const Json& message : *messages) {
    Fields one(message, "messages[].");
    const std::string role = one.text("role"), content = one.text("content");
    TRY_API(one.done());
    TRY_API(as_400(check_role(role), "messages"));
    file.messages.emplace_back(role, content);
  }
  return {};
}

}  // namespace

ApiResult<CreateRequest> read_create_request(const Json& body) {
  CreateRequest request;
  request.model = TRY_API(ollama_model_name(body));
  if (const auto ref = parse_model_ref(request.model); !ref)
    return std::unexpected(ApiError{400, ref.error().text, "model"});
  Fields fields(body);
  Modelfile& file = request.modelfile;
  if (const std::string text = fields.text("modelfile"); !text.empty()) {
    auto parsed = parse_modelfile(text, "modelfile");
    if (!parsed) return std::unexpected(ApiError{400, parsed.error().text, "modelfile"});
    file = *std::move(parsed);
  }
  request.quantize = TRY_API(read_quantize(fields));
  file.from = fields.text("from", file.from);
  if (fields.has("template"))
    file.chat_template = fields.text("template"), file.has_template = true;
  if (file.has_template && !file.chat_template.empty())
    TRY_API(as_400(ChatTemplate::check(file.chat_template), "template"));
  if (fields.has("system")) file.system = fields.text("system"), file.has_system = true;
  for (std::string& license : fields.texts("license", n_files_max))
    file.licenses.push_back(std::move(license));
  TRY_API(read_parameters(fields, file));
  TRY_API(read_messages(fields, file));
  request.files = TRY_API(read_files(fields, "files"));
  request.adapters = TRY_API(read_files(fields, "adapters"));
  TRY_API(fields.done());
  if (file.from.empty() && request.files.empty())
    return fail_api(400, "from", "from is missing: a model by name, or files as blobs");
  if (!file.from.empty() && !request.files.empty())
    return fail_api(400, "files", "from and files both say where the weights are");
  return request;
}

}  // namespace quire::server
