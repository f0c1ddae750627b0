namespace quire {}  // namespace quire
