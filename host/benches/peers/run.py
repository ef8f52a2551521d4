#!/usr/bin/env python3
"""Run the anchors and print min / median / max.

  ./run.py                 all groups, 7 runs each
  ./run.py -r 5 -g tokio   one group, 5 runs
  ./run.py --list          what would run
  ./run.py -k restart --interleave   each row once, then each once more, and so on
Each run is a fresh process under one lock; before each run it waits (at most ANCHORS_WAIT s)
for the machine's other work to fall under 30 % of its CPU time, and it records what it saw; the run itself is in its own scheduler
autogroup at -20 (nice alone barely helps against other work while sched_autogroup is on: a 0.13 us step read 2.7 us).
Results go to results/<group>.json.
"""
import argparse, fcntl, json, os, resource, statistics as st, subprocess, sys, time, signal
WAIT = float(os.environ.get('ANCHORS_WAIT', '0.3'))
HERE = os.path.dirname(os.path.abspath(__file__))
T = os.environ.get("ANCHORS_BIN", HERE + "/target/release")
ERL = ["erl", "-noshell", "-pa", HERE + "/erl", "+P", "4000000"]

def erl(b, *n, s=None, dist=False):
    c = list(ERL)
    if s: c += ["+S", f"{s}:{s}"]
    if dist: c += ["-name", f"a{os.getpid()}@127.0.0.1", "-setcookie", "anchor", "-kernel", "inet_dist_use_interface", "{127,0,0,1}"]
    return c + ["-run", "anchor", "main", b, *map(str, n)]
def rs(bin, b, *n, **o):
    return [f"{T}/{bin}", b, *map(str, n), *[f"--{k}={v}" for k, v in o.items()]]

ROOT = os.path.abspath(os.path.join(HERE, "..", "..", ".."))
GREENROOM = os.environ.get("GREENROOM_BIN", ROOT + "/target/release/greenroom")

def greenroom(*a, threads=2):
    return [GREENROOM, "bench", *map(str, a), "--threads", str(threads), "--examples", ROOT + "/examples", "--quiet"]

def matrix():
    m = []
    for threads in (2, 1):
        g = lambda label, *a: m.append(("greenroom", f"{label} x{threads}", greenroom(*a, threads=threads)))
        g("ring 10k", "ring", 10000); g("ring 10k lean", "ring", 10000, "--lean"); g("laps 1000x100", "laps", 1000, 100)
        g("pingpong", "pingpong", 200000); g("pingpong Value", "pingpong", 200000, "--value")
        g("idle 10k", "idle", 10000); g("idle 10k lean", "idle", 10000, "--lean"); g("busy 50", "busy", 50)
        g("down 100k", "down", 100000); g("down 100k wait", "down", 100000, "--wait")
        g("down 100k native", "down", 100000, "--native"); g("down 100k native wait", "down", 100000, "--native", "--wait")
        g("restart 20k", "restart", 20000); g("restart 20k bare", "restart", 20000, "--bare"); g("restart 20k native", "restart", 20000, "--native")
    m.append(("greenroom", "crashes 10 s x2", greenroom("crashes", 10)))
    e = lambda label, c: m.append(("erlang", label, c))
    e("start+halt only", erl("nop", 1))
    e("ring 10k", erl("ring", 10000)); e("ring 10k +S1", erl("ring", 10000, s=1)); e("ring 10k t2b/b2t each hop", erl("ring_t2b", 10000))
    e("ring 10k json", erl("ring_json", 10000)); e("laps 1000x100 json", erl("laps_json", 1000, 100)); e("pingpong json", erl("pingpong_json", 200000)); e("pingpong json +S1", erl("pingpong_json", 200000, s=1))
    e("laps 1000x100", erl("laps", 1000, 100)); e("laps 1000x100 +S1", erl("laps", 1000, 100, s=1))
    e("pingpong", erl("pingpong", 200000)); e("pingpong +S1", erl("pingpong", 200000, s=1)); e("gen_server:call", erl("call", 200000)); e("gen_server:call +S1", erl("call", 200000, s=1))
    e("idle 100k", erl("idle", 100000)); e("idle 1M", erl("idle", 1000000)); e("idle 100k small heap+hibernate", erl("idle_hib", 100000)); e("idle 1M small heap+hibernate", erl("idle_hib", 1000000))
    e("blast 1:1 1M", erl("blast", 1000000)); e("fanin 1000:1 1M", erl("fanin", 1000, 1000))
    for b in (0, 100, 10000): e(f"selective receive past {b}", erl("selective", b, 2000))
    e("supervisor restart", erl("restart", 200)); e("spawn_monitor+DOWN", erl("down", 100000)); e("spawn_monitor+DOWN +S1", erl("down", 100000, s=1))
    for d, *k in (("dist_pingpong", 20000), ("dist_blast", 300000), ("dist_blast", 300000, 64), ("dist_blast", 300000, 1024), ("dist_down", 10000), ("dist_spawn", 10000), ("dist_join", 10000), ("dist_cast", 20000, 10)):
        m.append(("erldist", " ".join([d, *map(str, k[1:])]), (d, *k)))
    for what in (("pingpong", 20000), ("blast", 300000, "--bytes", 64), ("blast", 300000, "--bytes", 1024), ("down", 10000), ("spawn", 10000), ("join", 10000), ("cast", 20000, "--members", 10), ("load", "--bytes", 16 << 20), ("load", "--bytes", 50 << 20), ("load", "--bytes", 4 << 20, "--code", 2 << 20)):
        m.append(("greenmesh", " ".join(map(str, ("mesh", *(w for w in what if w not in ("--bytes", "--code", "--members"))))), greenroom("mesh", *what)))
    for fl in ("mt", "ct"):
        for j in (0, 1):
            lab = f"{fl}{' json' if j else ''}"
            t = lambda label, c: m.append(("tokio", f"{label} {lab}", c))
            t("ring 10k", rs("b_tokio", "ring", 10000, flavor=fl, json=j)); t("laps 1000x100", rs("b_tokio", "laps", 1000, 100, flavor=fl, json=j))
            t("pingpong", rs("b_tokio", "pingpong", 200000, flavor=fl, json=j)); t("blast 1:1 1M", rs("b_tokio", "blast", 1000000, flavor=fl, json=j))
            if fl == "mt": t("fanin 1000:1 1M", rs("b_tokio", "fanin", 1000, 1000, flavor=fl, json=j))
    for n, l in ((100000, "100k"), (1000000, "1M")):
        for ch in ("unb", "bnd"): m.append(("tokio", f"idle {l} {ch} mt", rs("b_tokio", "idle", n, chan=ch)))
    for fl in ("mt", "ct"):
        for j in (0, 1):
            lab = f"{fl}{' json' if j else ''}"
            for sysn in ("ractor", "kameo"):
                b = f"b_{sysn}"
                t = lambda label, c: m.append((sysn, f"{label} {lab}", c))
                t("ring 10k", rs(b, "ring", 10000, flavor=fl, json=j)); t("laps 1000x100", rs(b, "laps", 1000, 100, flavor=fl, json=j)); t("pingpong", rs(b, "pingpong", 200000, flavor=fl, json=j))
                if not j: t("ask", rs(b, "ask", 200000, flavor=fl)); t("blast 1:1 1M", rs(b, "blast", 1000000, flavor=fl))
    m.append(("ractor", "ring 10k mt spawn_instant", rs("b_ractor", "ring", 10000, spawn="instant")))
    m.append(("ractor", "supervisor restart mt", rs("b_ractor", "restart", 10000)))
    m.append(("kameo", "ring 10k mt unbounded", rs("b_kameo", "ring", 10000, chan="unb")))
    for n, l in ((100000, "100k"), (1000000, "1M")):
        m.append(("ractor", f"idle {l} mt", rs("b_ractor", "idle", n)))
        m.append(("kameo", f"idle {l} mt", rs("b_kameo", "idle", n))); m.append(("kameo", f"idle {l} mt unbounded", rs("b_kameo", "idle", n, chan="unb")))
    for s in (0, 1000, 65000): m.append(("micro", f"json hop {s} B pad", rs("b_tokio", "jsonhop", s)))
    m.append(("micro", "OS process spawn+exit", rs("b_tokio", "osproc", 1000))); m.append(("micro", "OS thread spawn+join", rs("b_tokio", "osthread", 10000)))
    m.append(("micro", "TCP loopback ping-pong json", rs("b_tokio", "tcp", 20000, json=1))); m.append(("micro", "TCP loopback blast json", rs("b_tokio", "tcpblast", 300000)))
    return m

def core(g, label):
    """The rows the brief asks for: ring, spawn, hop, ping-pong, idle memory, laps; plain and with JSON; 2 workers."""
    if g in ("erldist", "greenmesh", "micro"): return True
    if g == "erlang": return not label.startswith("fanin")
    return " ct" not in label and not label.startswith("fanin")

def busy(dt=0.25):
    def rd():
        f = list(map(int, open("/proc/stat").readline().split()[1:9])); return sum(f), f[3] + f[4]
    a = rd(); time.sleep(dt); b = rd()
    return 1 - (b[1] - a[1]) / max(1, b[0] - a[0])

class Peer:
    def __enter__(self):
        self.name = f"p{os.getpid()}@127.0.0.1"
        self.p = subprocess.Popen(ERL[:2] + ["-pa", HERE + "/erl", "-name", self.name, "-setcookie", "anchor", "-kernel", "inet_dist_use_interface", "{127,0,0,1}"],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=prio, env=dict(os.environ, ERL_EPMD_ADDRESS="127.0.0.1"))
        time.sleep(1.5); return self.name
    def __exit__(self, *a): self.p.terminate(); self.p.wait()

class Lock:
    """One holder of the lock for all runs of a row."""
    def __enter__(self): self.f = open(os.path.join(HERE, ".lock"), "a"); fcntl.flock(self.f, fcntl.LOCK_EX)
    def __exit__(self, *a): fcntl.flock(self.f, fcntl.LOCK_UN); self.f.close()

def prio():
    """A scheduler autogroup of its own; raise it and the process, so that other work takes little of the two cores."""
    try:
        os.setsid()
        with open("/proc/self/autogroup", "w") as f: f.write("-20")
        os.setpriority(os.PRIO_PROCESS, 0, -20)
    except OSError: pass

def one(cmd):
    if True:
        t = time.time(); b = busy()
        while b > 0.30 and time.time() - t < WAIT: b = busy()
        r0 = resource.getrusage(resource.RUSAGE_CHILDREN)
        p = subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300, preexec_fn=prio, env={k: v for k, v in dict(os.environ, ERL_EPMD_ADDRESS="127.0.0.1").items() if k != "RUST_BACKTRACE"})
        r1 = resource.getrusage(resource.RUSAGE_CHILDREN)
    line = [l for l in p.stdout.decode().splitlines() if l.startswith("{")]
    if not line: raise RuntimeError(f"{cmd}: rc {p.returncode} {p.stderr.decode()[-400:]}")
    d = json.loads(line[-1]); d["cpu_s"] = (r1.ru_utime + r1.ru_stime) - (r0.ru_utime + r0.ru_stime); d["other_busy"] = round(b, 2)
    return d

def main():
    ap = argparse.ArgumentParser(); ap.add_argument("-r", "--runs", type=int, default=7); ap.add_argument("-g", "--group", default=""); ap.add_argument("-k", default=""); ap.add_argument("--list", action="store_true"); ap.add_argument("--new", action="store_true", help="skip rows that already have results"); ap.add_argument("--one-lock", action="store_true", help="hold the lock for all chosen rows (short rows only)"); ap.add_argument("--interleave", action="store_true", help="round after round over all chosen rows, under one lock"); ap.add_argument("--core", action="store_true", help="the asked-for rows only")
    a = ap.parse_args(); os.makedirs(HERE + "/results", exist_ok=True)
    res = {}
    big = Lock() if a.one_lock or a.interleave else None
    if big: big.__enter__()
    class Free:
        def __enter__(self): pass
        def __exit__(self, *x): pass
    row_lock = Free if big else Lock
    rows = []
    for g, label, cmd in matrix():
        if a.group and g not in a.group.split(",") or a.k and a.k.lower() not in label.lower(): continue
        if a.core and not core(g, label): continue
        f = f"{HERE}/results/{g}.json"
        if a.new and os.path.exists(f) and label in json.load(open(f)): continue
        if a.list: print(g, "|", label, "|", cmd if isinstance(cmd, tuple) else " ".join(cmd)); continue
        rows.append((g, label, cmd))
    done = [[] for _ in rows]
    for _ in range(a.runs if a.interleave else 0):
        for row, runs in zip(rows, done): runs += several(row, 1, row_lock)
    for row, runs in zip(rows, done): keep(row, runs or several(row, a.runs, row_lock), res)

def several(row, n, lock):
    g, label, cmd = row
    if g == "erldist":
        with lock(), Peer() as name: return [one(erl(cmd[0], cmd[1], name, *cmd[2:], dist=True)) for _ in range(n)]
    with lock(): return [one(cmd) for _ in range(n)]

def keep(row, runs, res):
    g, label, cmd = row
    keys = [k for k, v in runs[0].items() if isinstance(v, (int, float))]
    s = {k: (min(r[k] for r in runs), st.median(r[k] for r in runs), max(r[k] for r in runs)) for k in keys}
    res.setdefault(g, {})[label] = {"cmd": cmd, "runs": runs, "summary": s}
    print(f"{g:8} {label:34} " + "  ".join(f"{k} {v[0]:.4g}/{v[1]:.4g}/{v[2]:.4g}" for k, v in s.items()), flush=True)
    f = f"{HERE}/results/{g}.json"; old = json.load(open(f)) if os.path.exists(f) else {}
    old.update(res[g]); json.dump(old, open(f, "w"), indent=1)
if __name__ == "__main__": main()
