# Aalen-Johansen, Kaplan-Meier and log-rank by survival, from patients. Run in this folder: Rscript survival.R
source("common.R")

states <- function(status) factor(status, 0:2, c("censored", "event", "competing"))

aalen_johansen <- function(data, ...) {
  data$id <- seq_len(nrow(data))
  survfit(Surv(entry + 1, time + 1, states(status)) ~ 1, data, id = id, conf.type = "log-log", ...)
}

incidence <- function(data, most) {
  fit <- aalen_johansen(data)
  event <- match("event", fit$states)
  thinned(data.frame(time = fit$time - 1, at_risk = rowSums(fit$n.risk), incidence = fit$pstate[, event],
    std_error = fit$std.err[, event], low = fit$lower[, event], high = fit$upper[, event]), most)
}

# R gives no quantile of a multi-state curve: the first time at which R's curve, or its limit, reaches one half.
median_of <- function(data) {
  fit <- aalen_johansen(data)
  first <- function(curve) { reached <- which(curve[, match("event", fit$states)] >= 0.5 - 1e-12); if (length(reached)) fit$time[reached[1]] - 1 else NA }
  list(estimate = first(fit$pstate), low = first(fit$upper), high = first(fit$lower))
}

# Influence of single patients at the horizon, by cell.
influence <- function(data, horizon) {
  fit <- aalen_johansen(data, influence = TRUE)
  at <- max(which(fit$time - 1 <= horizon))
  at <- at + dim(fit$influence.pstate)[2] - length(fit$time)  # R may put a time of its own before the first
  psi <- fit$influence.pstate[, at, match("event", fit$states)]
  rows <- unique(cbind(data[c("entry", "time", "status")], psi = round(psi, 14)))
  rows[!duplicated(rows[c("entry", "time", "status")]), ]
}

difference <- function(data, horizon) {
  by <- lapply(0:1, function(g) {
    fit <- aalen_johansen(data[data$group == g, ])
    at <- max(which(fit$time - 1 <= horizon)); event <- match("event", fit$states)
    stopifnot(all.equal(log_log(fit$pstate[at, event], fit$std.err[at, event], qnorm(0.975)), c(fit$lower[at, event], fit$upper[at, event])))
    c(fit$pstate[at, event], fit$std.err[at, event])
  })
  c(horizon = horizon, hybrid(by[[2]], by[[1]]))
}

# Where nothing competes: from Kaplan-Meier's curves, of the share with the event.
difference_of_survival <- function(data, horizon) {
  by <- lapply(0:1, function(g) {
    fit <- summary(survfit(Surv(time + 1, status == 1) ~ 1, data[data$group == g, ], conf.type = "log-log"), times = horizon + 1)
    stopifnot(all.equal(log_log(fit$surv, fit$std.err, qnorm(0.975)), c(fit$lower, fit$upper)))
    c(1 - fit$surv, fit$std.err)
  })
  c(horizon = horizon, hybrid(by[[2]], by[[1]], as_survival = TRUE))
}

kaplan_meier <- function(data, most) {
  fit <- survfit(Surv(entry + 1, time + 1, status == 1) ~ 1, data, conf.type = "log-log")
  median <- quantile(fit, 0.5)
  list(curve = thinned(data.frame(time = fit$time - 1, at_risk = fit$n.risk, survival = fit$surv,
    std_error = fit$std.err * fit$surv, low = fit$lower, high = fit$upper), most),
    median = list(estimate = unname(median$quantile) - 1, low = unname(median$lower) - 1, high = unname(median$upper) - 1))
}

log_rank <- function(data) {
  test <- survdiff(Surv(time + 1, status == 1) ~ group, data)
  list(statistic = test$chisq, p_value = pchisq(test$chisq, 1, lower.tail = FALSE))
}

case <- function(name, data, horizon, competes, most = 24) {
  result <- list(name = name, cells = cells_of(group = data$group, entry = data$entry, time = data$time, status = data$status),
    kaplan_meier = kaplan_meier(data, most))
  if (all(data$entry == FROM_THE_START)) result$log_rank <- log_rank(data)
  if (competes) result <- c(result, list(incidence = incidence(data, most), median = median_of(data),
    difference = difference(data, horizon), influence = thinned(influence(data, horizon), 40)))
  else result$difference <- difference_of_survival(data, horizon)
  result
}

horizons <- c(mgus2 = 120, mgus2_by_age = 900, pbc = 60, transplant = 20, rotterdam = 60, myeloid = 8)
simple <- c(colon = 24, lung = 26, veteran = 60, retinopathy = 24)
cases <- c(list(case("twelve", twelve, 7, TRUE, Inf)),
  lapply(names(horizons), function(name) case(name, public[[name]], horizons[[name]], TRUE)),
  lapply(names(simple), function(name) case(name, public[[name]], simple[[name]], FALSE)))
write_reference("survival.R", c("survival"), cases)
