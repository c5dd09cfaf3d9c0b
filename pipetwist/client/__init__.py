"""Asking a StatsService, whoever serves it: pipetwist, V2Ray, sing-box or Xray. What they differ in is evened out here."""
