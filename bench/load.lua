-- wrk's side of the benchmark: POST one body of the size given after `--`, or the file named there as `@FILE`, or GET
-- without it, and print the result as one line of JSON.

function init(args)
  if not args[1] then return end
  wrk.method = "POST"
  if args[1]:sub(1, 1) == "@" then
    wrk.body = assert(io.open(args[1]:sub(2), "rb")):read("*a")
  else
    wrk.body = string.rep("x", tonumber(args[1]))
  end
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
