// A library that lies beside the processor which needs it: needs_beside.cc.
extern "C" const char* beside_says() { return "from beside"; }
