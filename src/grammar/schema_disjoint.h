// `oneOf` wants exactly one branch to hold. A grammar can only offer the branches; that is the same
// where no value satisfies two of them.
#pragma once
#include "grammar/schema_constraints.h"

namespace quire {

// unsupported, naming the two branches, when they cannot be shown to exclude each other: by type,
// by their values or bounds, or by a member that both require (a discriminator).
Result<void> check_disjoint(SchemaReader& reader, const SchemaValue& branches);

}  // namespace quire
