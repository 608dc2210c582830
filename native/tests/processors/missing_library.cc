extern "C" int from_the_missing_library() { return 0; }
