# Incidence of pathways that share patients: errors clustered by patient, from rows. Run in this folder: Rscript clusters.R
source("common.R")

states <- function(status) factor(status, 0:2, c("censored", "event", "competing"))

# Where nothing competes: R's robust error with cluster, of the share without event.
alone <- function(data, horizons) {
  fit <- summary(survfit(Surv(time + 1, status == 1) ~ 1, data, cluster = cluster, conf.type = "log-log"), times = horizons + 1)
  data.frame(horizon = horizons, estimate = 1 - fit$surv, std_error = fit$std.err, low = 1 - fit$upper, high = 1 - fit$lower)
}

# Of several states survfit (3.5) takes no cluster: R's influences of the rows of one cluster are added, then squared.
clustered <- function(data, horizons) {
  if (!any(data$status == 2)) return(alone(data, horizons))
  rows <- lapply(horizons, function(h) influence(data, h))
  data.frame(horizon = horizons, estimate = sapply(rows, `[[`, "estimate"),
    std_error = sapply(rows, function(row) sqrt(sum(rowsum(row$psi, data$cluster)^2))))
}

# Influence of each row at the horizon, as R gives it where every row is a cluster of its own.
influence <- function(data, horizon) {
  data$row <- seq_len(nrow(data))
  fit <- survfit(Surv(time + 1, states(status)) ~ 1, data, id = row, influence = TRUE)
  at <- max(which(fit$time - 1 <= horizon))
  list(estimate = fit$pstate[at, match("event", fit$states)],
    psi = fit$influence.pstate[, at + dim(fit$influence.pstate)[2] - length(fit$time), match("event", fit$states)])
}

# Clusters may have rows in both groups, with opposite signs. Limits by the hybrid rule from those of both groups.
difference <- function(data, horizon) {
  by <- lapply(1:0, function(g) influence(data[data$group == g, ], horizon))
  sums <- lapply(1:0, function(g) rowsum(by[[2 - g]]$psi, data$cluster[data$group == g]))
  both <- merge(data.frame(id = rownames(sums[[1]]), one = sums[[1]]), data.frame(id = rownames(sums[[2]]), none = sums[[2]]))
  groups <- lapply(1:2, function(k) c(by[[k]]$estimate, sqrt(sum(sums[[k]]^2))))
  if (any(sapply(groups, function(group) group[1] <= 0 || group[1] >= 1))) return(list(horizon = horizon, estimate = groups[[1]][1] - groups[[2]][1]))
  c(horizon = horizon, hybrid(groups[[1]], groups[[2]], sum(both$one * both$none), as_survival = !any(data$status == 2)))
}

# The share with the event at every time and its error over clusters, of rows that share patients.
curve_of <- function(data) {
  if (!any(data$status == 2)) {
    fit <- survfit(Surv(time + 1, status == 1) ~ 1, data, cluster = cluster); at <- summary(fit, times = fit$time)
    return(data.frame(time = fit$time - 1, share = 1 - at$surv, error = at$std.err))
  }
  data$row <- seq_len(nrow(data))
  fit <- survfit(Surv(time + 1, states(status)) ~ 1, data, id = row, influence = TRUE); event <- match("event", fit$states)
  psi <- fit$influence.pstate[, tail(seq_len(dim(fit$influence.pstate)[2]), length(fit$time)), event]
  data.frame(time = fit$time - 1, share = fit$pstate[, event], error = sqrt(colSums(rowsum(psi, data$cluster)^2)))
}

# The first time at which the curve, or its limit on the scale log(-log), reaches one half: of the incidence, or of survival.
median_of <- function(data, ...) {
  curve <- curve_of(data)
  limits <- mapply(function(share, error) if (share > 0 && share < 1) log_log(share, error, qnorm(0.975), ...) else c(share, share), curve$share, curve$error)
  first <- function(share) { reached <- which(share >= 0.5 - 1e-12); if (length(reached)) curve$time[reached[1]] else NA }
  list(estimate = first(curve$share), low = first(limits[2, ]), high = first(limits[1, ]))
}

medians <- function(data, ...) c(list(all = median_of(data, ...)),
  lapply(c(before = 0, after = 1), function(g) median_of(data[data$group == g, ], ...)))

case <- function(name, data, horizons) {
  data <- data[order(data$cluster, data$group), c("cluster", "group", "time", "status")]
  list(name = name, patients = as.list(data), incidence = clustered(data, horizons),
    groups = lapply(0:1, function(g) clustered(data[data$group == g, ], horizons)),
    difference = lapply(horizons, function(h) difference(data, h)),
    median = medians(data), median_by_survival = medians(data, as_survival = TRUE))
}

two_eyes <- with(retinopathy, data.frame(cluster = id, group = trt, time = floor(futime), status = status))
two_catheters <- with(kidney, data.frame(cluster = id, group = rep(0:1, length.out = nrow(kidney)), time = time, status = status))
litters <- with(rats, data.frame(cluster = litter, group = rx, time = time, status = status))
# No public data set has both clusters and deaths that compete: patients of MGUS are put together by age, sex and year.
cohorts <- with(mgus2, data.frame(cluster = as.integer(factor(paste(age %/% 5, dxyr %/% 2))), group = as.integer(sex == "M"),
  time = ifelse(pstat == 1, ptime, futime), status = ifelse(pstat == 1, 1, 2 * death)))

first_of_two <- transform(cohorts, status = c(0, 2, 1)[status + 1])  # death, which progression competes with

write_reference("clusters.R", "survival", list(
  case("retinopathy", two_eyes, c(5, 20, 40, 60)),
  case("kidney", two_catheters, c(30, 120, 300)),
  case("rats", litters, c(70, 90, 100)),
  case("mgus2", cohorts, c(24, 120, 240)),
  case("mgus2_deaths", first_of_two, c(24, 120, 240))))
