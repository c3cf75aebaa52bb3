# Areas under the incidence and restricted means by survival. Run in this folder: Rscript areas.R
source("common.R")

states <- function(status) factor(status, 0:2, c("censored", "event", "competing"))

# Area on [0, tau) of R's curve; its error from R's influence of each patient, integrated.
area <- function(data, tau) {
  data$id <- seq_len(nrow(data))
  fit <- survfit(Surv(entry + 1, time + 1, states(status)) ~ 1, data, id = id, influence = TRUE)
  event <- match("event", fit$states)
  psi <- fit$influence.pstate[, , event]
  psi <- psi[, tail(seq_len(ncol(psi)), length(fit$time))]  # R may put a time of its own before the first
  time <- fit$time - 1; inside <- which(time < tau)
  width <- diff(c(time[inside], tau))
  c(sum(fit$pstate[inside, event] * width), sqrt(sum((psi[, inside, drop = FALSE] %*% width)^2)))
}

restricted <- function(data, tau) {
  fit <- survfit(Surv(entry + 1, time + 1, status == 1) ~ 1, data)
  unname(summary(fit, rmean = tau + 1)$table[c("rmean", "se(rmean)")]) - c(1, 0)
}

pair <- function(measure, data, tau) {
  whole <- measure(data, tau); by <- lapply(1:0, function(g) measure(data[data$group == g, ], tau))
  estimate <- by[[1]][1] - by[[2]][1]; error <- sqrt(by[[1]][2]^2 + by[[2]][2]^2)
  list(estimate = whole[1], std_error = whole[2],
    difference = list(estimate = estimate, std_error = error, z = estimate / error, p_value = 2 * pnorm(-abs(estimate / error))))
}

horizons <- c(mgus2 = 120, mgus2_by_age = 900, pbc = 60, transplant = 20, rotterdam = 60, myeloid = 8, colon = 60, lung = 30, veteran = 200, retinopathy = 36)
cases <- lapply(names(horizons), function(name) {
  data <- public[[name]]; tau <- horizons[[name]]
  result <- list(name = name, tau = tau, cells = cells_of(group = data$group, entry = data$entry, time = data$time, status = data$status))
  if (any(data$status == 2)) result$area_under_incidence <- pair(area, data, tau)
  result$restricted_mean <- pair(restricted, data, tau)
  result
})

# A group without event has its exact limit times tau, and no error; the others have Wald's.
bounded <- function(measure, data, tau) {
  found <- measure(data, tau)
  width <- if (found[2] > 0) qnorm(0.975) * found[2] else tau * exact_limit(effectively_followed(data, tau))
  low <- max(found[1] - width, 0); high <- min(found[1] + width, tau)
  list(estimate = found[1], std_error = if (found[2] > 0) found[2] else NA, low = low, high = high)
}
event_free <- function(name, data, tau, competes) {
  if (!competes) data$status[data$status == 2] <- 0
  measure <- if (competes) area else restricted
  groups <- lapply(1:0, function(g) bounded(measure, data[data$group == g, ], tau))
  ways <- lapply(groups, function(found) if (is.na(found$std_error)) c(found$estimate, found$estimate - found$low, found$high - found$estimate)
    else c(found$estimate, rep(qnorm(0.975) * found$std_error, 2)))
  list(name = name, tau = tau, cells = cells_of(group = data$group, entry = data$entry, time = data$time, status = data$status),
    event_free = list(measure = if (competes) "area_under_incidence" else "restricted_mean", groups = groups,
      difference = square_and_add(ways[[1]], ways[[2]], tau)))
}
cases <- c(cases, list(
  event_free("pbc_transplants_stage_1_and_4", transplants(4), 100, TRUE),
  event_free("pbc_transplants_stage_1_and_2", transplants(2), 140, TRUE),
  event_free("pbc_transplants_alone", transplants(4), 100, FALSE),
  event_free("mgus2_first_months", public$mgus2, 4, TRUE),
  event_free("mgus2_first_months_alone", public$mgus2, 4, FALSE),
  event_free("mgus2_by_age_700", public$mgus2_by_age, 700, TRUE),
  event_free("myeloid_both_free", public$myeloid, 2, TRUE)))
write_reference("areas.R", "survival", cases)
