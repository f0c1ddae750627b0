// /metrics under vLLM's names (docs.vllm.ai, "Production Metrics"), for the dashboards and alerts
// that people have: a series for each model, with the label model_name.
#pragma once
#include "server/registry.h"

#include <string>

namespace quire::server {

// Appends those of all models, of unloaded ones too.
void append_vllm_metrics(const ModelRegistry& models, std::string& text);

}  // namespace quire::server
