# Recurrent events, patient by patient: mean numbers with death, Andersen-Gill by coxph, rates at one mix of cases by glm
# and sandwich, negative binomial by MASS. Run in this folder: Rscript recurrent.R
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

# What the main job tells of two groups: exposure in hundreds of months of 30.4375 days.
MONTH <- 30.4375
figures <- function(name, patients, events, names, horizons) {
  data <- within(patients, { events <- tabulate(events$patient, nrow(patients)); exposure <- time / (100 * MONTH) })
  of_period <- function(k) which(data$after == k)
  means <- lapply(c(before = 0, after = 1), function(k) lapply(horizons, function(h) {
    chosen <- of_period(k)
    jackknifed(data.frame(entry = 0, patients[chosen, c("time", "status")]),
      data.frame(patient = match(events$patient, chosen), time = events$time)[events$patient %in% chosen, ], h)
  }))
  exact <- list(epsilon = 1e-14, maxit = 200)
  crude <- glm(events ~ after + offset(log(exposure)), poisson, data, control = exact)
  adjusted <- glm(reformulate(c("after", names, "offset(log(exposure))"), "events"), poisson, data, control = exact)
  nb <- suppressWarnings(glm.nb(events ~ after + offset(log(exposure)), data, control = glm.control(epsilon = 1e-14, maxit = 200)))
  ag <- coxph(Surv(start, stop, event) ~ after, spells(patients, events), cluster = patient, ties = "breslow",
    control = coxph.control(eps = 1e-12, toler.chol = 1e-14, iter.max = 50))
  ratio <- function(fit, variance) list(estimate = unname(exp(coef(fit)["after"])), std_error = sqrt(variance["after", "after"]))
  rates <- function(fit) {
    share <- data$exposure / sum(data$exposure)
    at <- lapply(c(before = 0, after = 1), function(k) { x <- model.matrix(fit); x[, "after"] <- k; x })
    rate <- lapply(at, function(x) sum(share * exp(x %*% coef(fit)))); slope <- lapply(at, function(x) colSums(c(share * exp(x %*% coef(fit))) * x))
    error <- function(g) sqrt(drop(t(g) %*% sandwich(fit) %*% g))
    list(before = list(estimate = rate$before, std_error = error(slope$before)), after = list(estimate = rate$after, std_error = error(slope$after)),
      difference = list(estimate = rate$after - rate$before, std_error = error(slope$after - slope$before)))
  }
  there <- sum(data$exposure[data$after == 1]); crude_rates <- rates(crude)
  list(name = name, covariates = I(names), horizons = horizons, patients = as.list(patients), events = as.list(events), mean_cumulative_count = means,
    rate_ratio = ratio(crude, sandwich(crude)), rate_ratio_adjusted = ratio(adjusted, sandwich(adjusted)),
    rate_ratio_negative_binomial = ratio(nb, sandwich(nb)), rate_ratio_andersen_gill = list(estimate = unname(exp(coef(ag))), std_error = sqrt(vcov(ag)[1, 1])),
    rate = crude_rates$difference, rate_adjusted = rates(adjusted),
    events_avoided = list(estimate = -crude_rates$difference$estimate * there, std_error = crude_rates$difference$std_error * there))
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

cases <- list(
  mean_cumulative = list(case("cgd", cgd_ends, cgd_events, c(100, 200, 300)), case("bladder1", bladder_ends, bladder_events, c(12, 24, 36))),
  andersen_gill = list(andersen_gill("bladder2", tumours, tumour_events, c("after", "number", "size")),
    andersen_gill("bladder2_crude", tumours, tumour_events, "after"), andersen_gill("cgd", treated, cgd_events, c("after", "young")),
    andersen_gill("bladder1", two, two_events, c("after", "many"))),
  figures = list(figures("cgd", treated, cgd_events, c("young", "inherited"), c(100, 200, 300)),
    figures("bladder1", two, two_events, c("many", "large"), c(12, 24, 36))))
write_reference("recurrent.R", c("survival", "MASS", "sandwich"), cases)
