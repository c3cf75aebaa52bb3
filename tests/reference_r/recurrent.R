# Recurrent events, patient by patient: mean numbers with death, Andersen-Gill by coxph, what it expects of patients at
# either period (g-computation) with errors by the derivative in the weight of each patient, negative binomial by MASS.
# Run in this folder: Rscript recurrent.R
source("common.R"); suppressPackageStartupMessages({library(MASS); library(sandwich)})

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
jackknifed <- function(ends, events, horizon) {
  psi <- sapply(seq_len(nrow(ends)), function(i) {
    up <- down <- rep(1, nrow(ends)); up[i] <- 1 + 1e-4; down[i] <- 1 - 1e-4
    (mean_events(ends, events, horizon, up) - mean_events(ends, events, horizon, down)) / 2e-4
  })
  list(horizon = horizon, estimate = mean_events(ends, events, horizon), std_error = sqrt(sum(psi^2)))
}

case <- function(name, ends, events, horizons) {
  ends$cell <- match(do.call(paste, ends[c("entry", "time", "status")]), unique(do.call(paste, ends[c("entry", "time", "status")])))
  figures <- lapply(horizons, function(horizon) jackknifed(ends, events, horizon))
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


# Patients and their events as rows (start, stop], event 1 or 0: what coxph reads.
spells <- function(patients, events) {
  both <- rbind(data.frame(patient = events$patient, stop = events$time, event = rep(1, nrow(events))),
    data.frame(patient = seq_len(nrow(patients)), stop = patients$time, event = 0))
  both <- both[order(both$patient, both$stop, -both$event), ]
  both$start <- ave(both$stop, both$patient, FUN = function(t) c(0, head(t, -1)))
  cbind(both, patients[both$patient, setdiff(names(patients), c("time", "status"))])[both$start < both$stop, ]
}

# `patients`: time, status (2 death), after, covariates; their times are whole and start at 1, so that entry is 0.
andersen_gill <- function(name, patients, events, names) {
  fit <- coxph(reformulate(names, "Surv(start, stop, event)"), spells(patients, events), cluster = patient, ties = "breslow",
    control = coxph.control(eps = 1e-12, toler.chol = 1e-14, iter.max = 50))
  list(name = name, covariates = I(names), patients = as.list(patients), events = as.list(events), coefficients = unname(coef(fit)),
    model = unname(sqrt(diag(fit$naive.var))), robust = unname(sqrt(diag(vcov(fit)))))
}

exact <- coxph.control(eps = 1e-13, toler.chol = 1e-15, iter.max = 100)

# Of weighted patients: coefficients and daily rates of the model, and the events up to `horizon` that the `counted`
# patients, as often at risk as they were, would have if all were of before, and if all were of after.
expected <- function(patients, events, names, counted, horizon, weight = rep(1, nrow(patients))) {
  data <- spells(patients, events); data$weight <- weight[data$patient]
  fit <- coxph(reformulate(c("after", names), "Surv(start, stop, event)"), data, weights = weight, ties = "breslow", control = exact, robust = FALSE)
  x <- as.matrix(patients[c("after", names)]); risk <- exp(drop(x %*% coef(fit)))
  days <- sort(unique(events$time[events$time <= horizon]))
  hazard <- sapply(days, function(u) sum(weight[events$patient[events$time == u]]) / sum((weight * risk)[patients$time >= u]))
  numbers <- sapply(0:1, function(k) {
    x[, "after"] <- k; risk <- exp(drop(x %*% coef(fit)))
    sum(hazard * sapply(days, function(u) sum(risk[counted & patients$time >= u])))
  })
  list(numbers = numbers, fit = fit, days = days, hazard = hazard)
}

# Both numbers, the covariance of patients, and what is told of them in hundreds of months of 30.4375 days.
MONTH <- 30.4375
standardised <- function(patients, events, names, counted, horizon) {
  found <- expected(patients, events, names, counted, horizon)$numbers
  psi <- sapply(seq_len(nrow(patients)), function(i) {
    up <- down <- rep(1, nrow(patients)); up[i] <- 1 + 1e-4; down[i] <- 1 - 1e-4
    (expected(patients, events, names, counted, horizon, up)$numbers - expected(patients, events, names, counted, horizon, down)$numbers) / 2e-4
  })
  hundreds <- sum(pmin(patients$time[counted], horizon)) / (100 * MONTH)
  error <- sqrt(rowSums(psi^2)) / hundreds; rate <- found / hundreds; width <- exp(qnorm(0.975) * error / rate)
  told <- function(k) list(estimate = rate[k], std_error = error[k], low = rate[k] / width[k], high = rate[k] * width[k])
  difference <- list(estimate = diff(rate), std_error = sqrt(sum((psi[2, ] - psi[1, ])^2)) / hundreds)
  list(before = told(1), after = told(2), difference = difference, hundreds = hundreds)
}

# What the main job tells of two groups, on the days that both reach.
figures <- function(name, patients, events, names, horizons) {
  of_period <- function(k) which(patients$after == k)
  means <- lapply(c(before = 0, after = 1), function(k) lapply(horizons, function(h) {
    chosen <- of_period(k)
    jackknifed(data.frame(entry = 0, patients[chosen, c("time", "status")]),
      data.frame(patient = match(events$patient, chosen), time = events$time)[events$patient %in% chosen, ], h)
  }))
  both <- min(tapply(patients$time, patients$after, max)); every <- rep(TRUE, nrow(patients))
  crude <- standardised(patients, events, NULL, every, both); there <- standardised(patients, events, NULL, patients$after == 1, both)
  adjusted <- standardised(patients, events, names, every, both)
  ratio <- function(names) {
    fit <- coxph(reformulate(c("after", names), "Surv(start, stop, event)"), spells(patients, events), cluster = patient, ties = "breslow", control = exact)
    list(estimate = unname(exp(coef(fit)["after"])), std_error = sqrt(vcov(fit)["after", "after"]))
  }
  model <- expected(patients, events, NULL, every, Inf)
  data <- within(patients, { events <- tabulate(events$patient, nrow(patients)); met <- sapply(time, function(t) sum(model$hazard[model$days <= t])) })
  nb <- suppressWarnings(glm.nb(events ~ after + offset(log(met)), subset(data, met > 0), control = glm.control(epsilon = 1e-14, maxit = 200)))
  list(name = name, covariates = I(names), horizons = horizons, patients = as.list(patients), events = as.list(events), mean_cumulative_count = means,
    rate_ratio = ratio(NULL), rate_ratio_adjusted = ratio(names),
    rate_ratio_negative_binomial = list(estimate = unname(exp(coef(nb)["after"])), std_error = sqrt(sandwich(nb)["after", "after"])),
    rate = crude$difference, rate_adjusted = adjusted,
    events_avoided = list(estimate = -there$difference$estimate * there$hundreds, std_error = there$difference$std_error * there$hundreds))
}

# The same where one period has no event: exact limits of both counts, of 95 % and where 0 is reached; exposure is what
# either would have had of all events at common daily rates, on the days that both reach.
without_event <- function(name, patients, events) {
  both <- min(tapply(patients$time, patients$after, max)); days <- unique(events$time[events$time <= both])
  seen <- sapply(1:0, function(k) sum(patients$after[events$patient] == k & events$time <= both))
  met <- sapply(1:0, function(k) sum(sapply(days, function(u)
    sum(events$time == u) * sum(patients$after == k & patients$time >= u) / sum(patients$time >= u))))
  scale <- sum(met) / met / (sum(pmin(patients$time, both)) / (100 * MONTH)); estimate <- seen * scale
  limits <- function(z) sapply(1:2, function(k) poisson.test(seen[k], conf.level = 1 - 2 * pnorm(-z))$conf.int * scale[k])
  to <- function(z, side) { l <- limits(z); d <- estimate[1] - estimate[2]
    if (side < 0) d - sqrt((estimate[1] - l[1, 1])^2 + (l[2, 2] - estimate[2])^2) else d + sqrt((l[2, 1] - estimate[1])^2 + (estimate[2] - l[1, 2])^2) }
  side <- if (estimate[1] > estimate[2]) -1 else 1; z <- uniroot(to, c(0.01, 8), side = side, tol = 1e-13)$root
  ratio <- poisson.test(seen, met)
  list(name = name, patients = as.list(patients), events = as.list(events),
    rate = list(estimate = estimate[1] - estimate[2], low = to(qnorm(0.975), -1), high = to(qnorm(0.975), 1), p_value = 2 * pnorm(-z)),
    rate_ratio = if (seen[2]) list(estimate = unname(ratio$estimate), low = ratio$conf.int[1], high = ratio$conf.int[2]))
}

first <- bladder2[!duplicated(bladder2$id), ]
tumours <- data.frame(time = c(tapply(bladder2$stop, bladder2$id, max)), status = 0, after = first$rx - 1, number = first$number, size = first$size)
tumour_events <- with(subset(bladder2, event == 1), data.frame(patient = match(id, first$id), time = stop))
first <- cgd[!duplicated(cgd$id), ]
treated <- data.frame(time = unname(infections), status = 0, after = as.integer(first$treat == "rIFN-g"), young = as.integer(first$age < 15),
  inherited = as.integer(first$inherit == "X-linked"))
first <- bladder1[!duplicated(bladder1$id), ]
three <- data.frame(time = last$stop, status = ifelse(last$status %in% 2:3, 2, 0), after = as.integer(first$treatment == "thiotepa"),
  many = as.integer(first$number > 2), large = as.integer(first$size > 1))
chosen <- which(first$treatment != "pyridoxine" & three$time > 0)
two <- three[chosen, ]; two_events <- subset(transform(bladder_events, patient = match(patient, chosen)), !is.na(patient))

# Those of the treated who had no infection, against all who were not treated.
kept <- which(treated$after == 0 | !(seq_len(nrow(treated)) %in% cgd_events$patient))
quiet <- treated[kept, c("time", "status", "after")]; quiet_events <- subset(transform(cgd_events, patient = match(patient, kept)), !is.na(patient))

cases <- list(
  mean_cumulative = list(case("cgd", cgd_ends, cgd_events, c(100, 200, 300)), case("bladder1", bladder_ends, bladder_events, c(12, 24, 36))),
  andersen_gill = list(andersen_gill("bladder2", tumours, tumour_events, c("after", "number", "size")),
    andersen_gill("bladder2_crude", tumours, tumour_events, "after"), andersen_gill("cgd", treated, cgd_events, c("after", "young")),
    andersen_gill("bladder1", two, two_events, c("after", "many"))),
  without_event = list(without_event("cgd", quiet, quiet_events), without_event("cgd_turned", within(quiet, after <- 1 - after), quiet_events)),
  figures = list(figures("cgd", treated, cgd_events, c("young", "inherited"), c(100, 200, 300)),
    figures("bladder1", two, two_events, c("many", "large"), c(12, 24, 36))))
write_reference("recurrent.R", c("survival", "MASS", "sandwich"), cases)
