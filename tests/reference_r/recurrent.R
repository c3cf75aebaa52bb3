# Mean cumulative function with death, patient by patient. Run in this folder: Rscript recurrent.R
source("common.R")

# Ghosh and Lin's estimate of weighted patients, by definition; `ends` one row per patient, `events` one per event.
mean_events <- function(ends, events, horizon, weight = rep(1, nrow(ends))) {
  mean <- 0; survival <- 1
  for (now in sort(unique(c(ends$time, events$time)))) {
    if (now > horizon) break
    at_risk <- sum(weight[ends$entry < now & ends$time >= now])
    if (at_risk > 0) {
      mean <- mean + survival * sum(weight[events$patient[events$time == now]]) / at_risk
      survival <- survival * (1 - sum(weight[ends$time == now & ends$status == 2]) / at_risk)
    }
  }
  mean
}

# Infinitesimal jackknife: the derivative in the weight of each patient, numerically.
case <- function(name, ends, events, horizons) {
  ends$cell <- match(do.call(paste, ends[c("entry", "time", "status")]), unique(do.call(paste, ends[c("entry", "time", "status")])))
  figures <- lapply(horizons, function(horizon) {
    psi <- sapply(seq_len(nrow(ends)), function(i) {
      up <- down <- rep(1, nrow(ends)); up[i] <- 1 + 1e-4; down[i] <- 1 - 1e-4
      (mean_events(ends, events, horizon, up) - mean_events(ends, events, horizon, down)) / 2e-4
    })
    list(horizon = horizon, estimate = mean_events(ends, events, horizon), std_error = sqrt(sum(psi^2)))
  })
  result <- list(name = name, patients = as.list(ends[c("entry", "time", "status")]), events = as.list(events), figures = figures)
  if (all(ends$status == 0)) {
    both <- rbind(data.frame(patient = events$patient, time = events$time, seen = 1), data.frame(patient = seq_len(nrow(ends)), time = ends$time, seen = 0))
    both <- both[order(both$patient, both$time, -both$seen), ]
    both$start <- ave(both$time, both$patient, FUN = function(t) c(-1, head(t, -1))); both <- subset(both, start < time)
    fit <- survfit(Surv(start, time, seen) ~ 1, both, id = patient)
    at <- sapply(horizons, function(h) max(which(fit$time <= h)))
    result$nelson_aalen <- list(estimate = fit$cumhaz[at], std_error = fit$std.chaz[at])
  }
  result
}

numbered <- function(id, ids) match(id, ids)
infections <- with(cgd, tapply(tstop, id, max)); ids <- as.integer(names(infections))
cgd_ends <- data.frame(entry = -1, time = unname(c(infections)), status = 0)
cgd_events <- with(subset(cgd, status == 1), data.frame(patient = numbered(id, ids), time = tstop))

last <- aggregate(cbind(stop, status) ~ id, bladder1[order(bladder1$id, bladder1$stop), ], function(x) tail(x, 1))
bladder_ends <- data.frame(entry = -1, time = last$stop, status = ifelse(last$status %in% 2:3, 2, 0))
bladder_events <- with(subset(bladder1, status == 1), data.frame(patient = numbered(id, last$id), time = stop))

write_reference("recurrent.R", "survival", list(
  case("cgd", cgd_ends, cgd_events, c(100, 200, 300)),
  case("bladder1", bladder_ends, bladder_events, c(12, 24, 36))))
