-- wrk's side of the benchmark: POST one body of the size given after `--`, or the file named there as `@FILE`, or the
-- requests of a file of bench/varying.py, given as `=FILE`, one after the other, or GET without any; and print the result
-- as one line of JSON.

local function requests_of(path)
  local file, requests, turn = assert(io.open(path, "rb")), {}, 0
  for size in function() return file:read("*n", 1) end do
    requests[#requests + 1] = file:read(size)
  end
  return function()
    turn = turn % #requests + 1
    return requests[turn]
  end
end

function init(args)
  local what = args[1]
  if not what then return end
  local kind, path = what:sub(1, 1), what:sub(2)
  if kind == "=" then
    request = requests_of(path)
    return
  end
  wrk.method = "POST"
  wrk.body = kind == "@" and assert(io.open(path, "rb")):read("*a") or string.rep("x", tonumber(what))
  wrk.headers["Content-Type"] = "application/octet-stream"
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %.6f, "errors": %d, "p50_us": %d, "p99_us": %d}\n',
    summary.requests, summary.duration / 1e6,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
