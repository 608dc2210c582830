// Follows a NULL pointer, two functions below `process`.
struct Node {
  int id;
  const Node* next;
  int weight;
};

static int weight_of(const Node* node) { return node->weight; }

static int score(const Node& node) {
  int total = weight_of(node.next);
  return total + node.id;
}

extern "C" void* initialize(const char*, const char*, int* state) {
  *state = 0;
  return nullptr;
}

extern "C" int process(void*, const void*, int, void**, int*) {
  const Node node{1, nullptr, 2};
  return score(node);
}
