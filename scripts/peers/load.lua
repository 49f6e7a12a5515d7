-- Has wrk post a file's lines and tell what came of it:
-- wrk -t1 -s load.lua URL -- FILE SKIPPED once|again. Once, it stops after the last line.
-- A line is a token (or nothing), a tab, and the body.

local headers = { ["Content-Type"] = "application/json" }
local next_line, restart, is_once

answered, refused, complaint, taken, ran_out = 0, 0, "", 0, 0

function init(arguments)
  restart = function() next_line = io.lines(arguments[1]) end
  restart()
  for _ = 1, arguments[2] do next_line() end
  is_once = arguments[3] == "once"
end

function request()
  local line = next_line and next_line()
  if not line and not is_once then
    restart()
    line = next_line()
  end
  if not line then
    next_line, ran_out = nil, 1
    wrk.thread:stop()
    return wrk.format("GET", "/nothing-left")
  end
  taken = taken + 1
  local tab = line:find("\t", 1, true)
  if tab > 1 then headers["Authorization"] = "Token " .. line:sub(1, tab - 1) end
  return wrk.format("POST", nil, headers, line:sub(tab + 1))
end

function response(status, _, body)
  if status >= 200 and status < 300 then
    answered = answered + 1
    return
  end
  refused = refused + 1
  complaint = status .. " " .. body:sub(1, 300):gsub("%s+", " ")
end

local only

function setup(thread)
  only = thread
end

function done(summary, latency)
  local errors = summary.errors
  local figures = {
    seconds = summary.duration / 1e6,
    p50 = latency:percentile(50) / 1e3,
    p95 = latency:percentile(95) / 1e3,
    answered = only:get("answered"),
    refused = only:get("refused"),
    broken = errors.connect + errors.read + errors.write + errors.timeout,
    taken = only:get("taken"),
    ran_out = only:get("ran_out"),
    complaint = only:get("complaint"),
  }
  for name, figure in pairs(figures) do print("load: " .. name .. " " .. figure) end
end
