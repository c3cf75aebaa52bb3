# Late entries (left truncation) by survival: each patient of mgus2 gets a day of time zero, days standing for the
# months of the data. Run in this folder: Rscript late_entries.R
source("common.R")

window <- 181  # days 0 to 180
horizons <- c(30, 90, 180)
from <- c(before = 0, transition = 365, after = 730)  # days since the first of the before period

patients <- with(mgus2, data.frame(zero = (seq_along(id) * 53) %% 1095 - 200,
  event = ifelse(pstat == 1, ptime, NA), death = ifelse(death == 1, futime, NA), loss = ifelse(death == 0, futime, NA)))
patients <- patients[rep(seq_len(nrow(patients)), length.out = 1200), ]
patients$event[seq(1, 1200, 3)] <- (seq(1, 1200, 3) * 29) %% 170  # more events, of all times
patients$event[which(patients$event > pmin(patients$death, patients$loss, na.rm = TRUE))] <- NA

followed <- function(of, competing) {
  last <- pmin(of$event, of$death, of$loss, window - 1, na.rm = TRUE)
  status <- ifelse(!is.na(of$event) & of$event <= last, 1, ifelse(!is.na(of$death) & of$death <= last, competing, 0))
  data <- data.frame(entry = pmax(-of$zero, 0) - 1, time = last, status = status, zero = of$zero)
  data$period <- names(from)[pmax(findInterval(data$zero, from), 1)]
  data[data$entry < data$time, ]
}

incidence <- function(data, name) {
  data$id <- seq_len(nrow(data))
  fit <- survfit(Surv(entry + .5, time + .5, factor(status, 0:2, c("censored", "event", "competing"))) ~ 1, data, id = id,
    conf.type = "log-log")
  at <- summary(fit, times = horizons + .5)
  event <- match("event", fit$states)
  list(period = name, n = nrow(data), estimate = at$pstate[, event], std_error = at$std.err[, event],
    low = at$lower[, event], high = at$upper[, event])
}

alive <- function(data, name) {
  at <- summary(survfit(Surv(entry + .5, time + .5, status) ~ 1, data, conf.type = "log-log"), times = horizons + .5)
  list(period = name, n = nrow(data), estimate = at$surv, std_error = at$std.err, low = at$lower, high = at$upper)
}

by_period <- function(data, of) unname(lapply(names(from), function(name) of(data[data$period == name, ], name)))

deaths <- transform(patients, event = death, death = NA)
write_reference("late_entries.R", "survival", list(list(name = "mgus2", horizons = horizons,
  patients = as.list(patients), incidence = by_period(followed(patients, 2), incidence),
  alive = by_period(followed(deaths, 0), alive))))
