# Exact rates by base R, negative binomial by MASS, robust errors by sandwich. Run in this folder: Rscript rates.R
source("common.R"); suppressPackageStartupMessages({library(MASS); library(sandwich)})

rate <- function(events, exposure) { ci <- poisson.test(events, exposure)$conf.int; list(events = events, exposure = exposure, low = ci[1], high = ci[2]) }

ratio <- function(a, ma, b, mb) {
  test <- poisson.test(c(a, b), c(ma, mb))
  list(counts = c(a, ma, b, mb), estimate = unname(test$estimate), low = test$conf.int[1], high = test$conf.int[2])
}

error <- function(v) unname(sqrt(diag(v)))

model <- function(fit) list(coefficients = unname(coef(fit)), model = error(vcov(fit)), robust = error(sandwich(fit)))

case <- function(name, data, names) {
  formula <- reformulate(c(names, "offset(log(exposure))"), "events")
  nb <- suppressWarnings(glm.nb(formula, data, control = glm.control(epsilon = 1e-14, maxit = 200)))
  list(name = name, covariates = I(names), cells = do.call(cells_of, as.list(data[c(names, "events", "exposure")])),
    negative_binomial = c(model(nb), dispersion = 1 / nb$theta))
}

infections <- aggregate(cbind(events = status, exposure = tstop - tstart) ~ id + treat + age + center, cgd, sum)
tumours <- aggregate(cbind(events = as.integer(bladder1$status == 1), exposure = bladder1$stop - bladder1$start),
  bladder1[c("id", "treatment", "number", "size")], sum)
tumours <- subset(tumours, exposure > 0 & treatment != "pyridoxine")
cases <- list(
  rates = list(rate(0, 100), rate(3, 61.5), rate(294, 10234.5), rate(1, 0.5)),
  ratios = list(ratio(59, 385, 57, 397), ratio(0, 100, 7, 90), ratio(12, 350.5, 30, 420), ratio(411, 12000, 502, 12500)),
  models = list(
    case("cgd", with(infections, data.frame(events, exposure, treated = as.integer(treat == "rIFN-g"), young = as.integer(age < 15))), c("treated", "young")),
    case("bladder1", with(tumours, data.frame(events, exposure, thiotepa = as.integer(treatment == "thiotepa"), number)),
      c("thiotepa", "number")),
    case("quine", with(quine, data.frame(events = Days, exposure = 1, native = as.integer(Eth == "A"), boy = as.integer(Sex == "M"))), c("native", "boy")),
    case("epil", with(epil, data.frame(events = y, exposure = 2, treated = as.integer(trt == "progabide"), last = V4)),
      c("treated", "last"))))
write_reference("rates.R", c("stats", "MASS", "sandwich"), cases)
